//! What a process and its children cost, from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};

/// `sysconf(_SC_CLK_TCK)`, which Linux fixes at 100 for user space.
const TICKS_PER_SECOND: u64 = 100;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time so far.
    pub cpu: Duration,
    /// Highest resident memory so far, in KiB.
    pub peak_rss: u64,
    /// Resident memory now, in KiB.
    pub rss: u64,
}

/// Usage of a process together with all its descendants that still run.
///
/// # Errors
/// The process is gone.
pub fn usage(pid: u32) -> Result<Usage> {
    let mut total = of_one(pid)?;
    for child in children(pid) {
        // A child may end while it is looked at; its time then counts at its parent.
        if let Ok(usage) = usage(child) {
            total.cpu += usage.cpu;
            total.peak_rss += usage.peak_rss;
            total.rss += usage.rss;
        }
    }
    Ok(total)
}

fn of_one(pid: u32) -> Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    let ticks = cpu_ticks(&stat).with_context(|| format!("/proc/{pid}/stat: {stat:?}"))?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Ok(Usage {
        cpu: Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND),
        peak_rss: kib("VmHWM:"),
        rss: kib("VmRSS:"),
    })
}

/// utime, stime and those of waited-for children: fields 14 to 17, after a name in parentheses
/// that may itself hold spaces.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> =
        fields.split_whitespace().skip(11).take(4).map_while(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 31 12 5 2 20 0 1 0 99 1000 10";
        assert_eq!(cpu_ticks(stat), Some(50));
    }

    #[test]
    fn this_very_process_has_memory() {
        assert!(usage(std::process::id()).unwrap().peak_rss > 0);
    }
}
