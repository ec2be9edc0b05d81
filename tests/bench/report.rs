//! Medians, ratios and the table.

use std::{fmt::Write as _, time::Duration};

use function_mesh_tests::provenance::{first_line, now, versions};

use crate::{Options, contender::Contender, laptop::FirstLine, round::Run};

/// Rounds over input in batches of one size.
pub(crate) struct Results {
    batch: u32,
    rows: Vec<(Contender, Vec<(Run, Duration)>)>,
}

/// Median with the quartiles around it.
#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    low: f64,
    high: f64,
}

/// One measured quantity: its name, decimals, and how to take it from a round.
type Quantity = (&'static str, usize, fn(&(Run, Duration)) -> f64);

const QUANTITIES: [Quantity; 5] = [
    ("rate, msg/s", 0, |(run, _)| run.messages_per_second),
    ("CPU per message, µs", 2, |(run, _)| run.cpu_micros_per_message),
    ("CPU with the start, µs", 2, |(run, _)| run.cpu_micros_overall),
    ("peak memory, MiB", 1, |(run, _)| run.peak_mib),
    ("start to first output, s", 2, |(_, startup)| startup.as_secs_f64()),
];

impl Results {
    pub(crate) fn new(batch: u32, contenders: &[Contender]) -> Self {
        Self { batch, rows: contenders.iter().map(|c| (*c, Vec::new())).collect() }
    }

    pub(crate) fn add(&mut self, contender: Contender, run: Run, startup: Duration) {
        for (row, rounds) in &mut self.rows {
            if *row == contender {
                rounds.push((run, startup));
            }
        }
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("\n## Input in batches of {}\n\n| |", self.batch);
        for (name, ..) in QUANTITIES {
            _ = write!(text, " {name} |");
        }
        text.push_str("\n|---|---|---|---|---|---|\n");
        for (contender, rounds) in &self.rows {
            _ = write!(text, "| {} |", contender.name());
            for (_, decimals, take) in QUANTITIES {
                text.push_str(&cell(rounds.iter().map(take).collect(), decimals));
            }
            text.push('\n');
        }
        text.push_str(&self.ratios());
        text
    }

    /// The runner by each of the others: the ratio within a round, then the median of those.
    fn ratios(&self) -> String {
        let mut text = String::new();
        let Some((_, ours)) = self.rows.iter().find(|(row, _)| *row == Contender::Runner) else {
            return text;
        };
        text.push_str("\nThe runner's share, round by round:\n\n| runner / |");
        for (name, ..) in QUANTITIES {
            _ = write!(text, " {} |", name.split(',').next().unwrap_or(name));
        }
        text.push_str("\n|---|---|---|---|---|---|\n");
        for (contender, theirs) in &self.rows {
            if *contender == Contender::Runner {
                continue;
            }
            _ = write!(text, "| {} |", contender.name());
            for (_, _, take) in QUANTITIES {
                let ratios = ours.iter().zip(theirs).map(|(a, b)| take(a) / take(b)).collect();
                text.push_str(&cell(ratios, 2));
            }
            text.push('\n');
        }
        text
    }
}

/// What was done, when, with what and on what.
pub(crate) fn heading(options: &Options) -> String {
    format!(
        "# Benchmark\n\nTaken {} by `cargo xtask bench`. {} rounds, interleaved; {} messages of {} \
         bytes; ATLEAST_ONCE; no compression. Rate and CPU between 20 % and 95 % of the output. \
         Medians, quartiles in brackets.\n\n{}\n- {}\n",
        now(),
        options.rounds,
        options.messages,
        options.size,
        versions(),
        first_line("python3", &["--version"]),
    )
}

/// The laptop's row: medians, with the slowest run.
pub(crate) fn first_line_out(times: &FirstLine) -> String {
    let shown = |times: &[Duration]| {
        let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
        format!(
            "{:.0} ms (slowest {:.0} ms)",
            millis(times.get(times.len() / 2)),
            millis(times.last())
        )
    };
    format!(
        "\n## Without a broker\n\n`localrun` in memory, start to first line out: {} with compiled code cached, {} when it \
         must be compiled first; {} runs each.\n",
        shown(&times.cached),
        shown(&times.compiling),
        times.cached.len(),
    )
}

fn cell(values: Vec<f64>, decimals: usize) -> String {
    let Some(Spread { median, low, high }) = spread(values) else { return " – |".to_owned() };
    format!(" {median:.decimals$} [{low:.decimals$}, {high:.decimals$}] |")
}

fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let quantile = |share: f64| {
        let place = share * (values.len().checked_sub(1)? as f64);
        let (low, high) = (values.get(place.floor() as usize)?, values.get(place.ceil() as usize)?);
        Some(low + (high - low) * place.fract())
    };
    Some(Spread { median: quantile(0.5)?, low: quantile(0.25)?, high: quantile(0.75)? })
}
