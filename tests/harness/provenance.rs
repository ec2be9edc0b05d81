//! When, on what and with which versions something was measured.

use std::{fs, process::Command};

use pulsar_standalone::distribution::VERSION;

/// The date and time.
pub fn now() -> String {
    first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

/// What took part, as a list.
pub fn versions() -> String {
    [
        format!("- Pulsar {VERSION}"),
        format!("- {}", first_line("java", &["--version"])),
        format!("- {}", first_line("rustc", &["--version"])),
        format!("- commit {}", first_line("git", &["describe", "--always", "--dirty"])),
        format!("- {}, {}", machine(), first_line("uname", &["-sr"])),
        "- broker, client and whatever is measured on that one machine".to_owned(),
    ]
    .join("\n")
}

fn machine() -> String {
    let of = |file: &str, field: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.split_once(':'));
        line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let kib = of("/proc/meminfo", "MemTotal");
    let gib = kib.trim_end_matches(" kB").parse().unwrap_or(0.0) / f64::from(1 << 20);
    let cores = first_line("nproc", &[]);
    format!("{cores} cores of {}, {gib:.1} GiB", of("/proc/cpuinfo", "model name"))
}

/// What a program says first.
pub fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or("unknown").to_owned()
}
