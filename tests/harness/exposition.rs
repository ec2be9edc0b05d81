//! A strict reader of Prometheus' text format: what a scraper would refuse is an error here.
//! Written from the format's description, apart from the encoder that it checks.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};

/// A page of metrics: families by name.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    pub families: BTreeMap<String, Family>,
}

#[derive(Clone, Debug, Default)]
pub struct Family {
    /// `counter`, `gauge`, `summary`, `histogram` or `untyped`.
    pub kind: String,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Exposition {
    /// Reads a page.
    ///
    /// # Errors
    /// The first line that breaks the format, and why.
    pub fn parse(page: &str) -> Result<Self> {
        ensure!(page.is_empty() || page.ends_with('\n'), "the last line has no end");
        let mut read = Self::default();
        let mut seen = BTreeSet::new();
        let mut current = String::new();
        for (number, line) in page.lines().enumerate() {
            let context = || format!("line {}: {line}", number + 1);
            if let Some(comment) = line.strip_prefix('#') {
                read.comment(comment, &mut current).with_context(context)?;
            } else if !line.is_empty() {
                let sample = parse_sample(line).with_context(context)?;
                let identity = format!("{}{:?}", sample.name, sample.labels);
                ensure!(seen.insert(identity), "{}: this series is there twice", context());
                read.place(sample, &mut current).with_context(context)?;
            }
        }
        Ok(read)
    }

    /// The one sample of this name with (at least) these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut matching =
            self.families.values().flat_map(|family| &family.samples).filter(|sample| {
                sample.name == name
                    && labels.iter().all(|(label, value)| {
                        sample.labels.get(*label).is_some_and(|given| given == value)
                    })
            });
        let first = matching.next()?;
        matching.next().is_none().then_some(first.value)
    }

    fn comment(&mut self, comment: &str, current: &mut String) -> Result<()> {
        let mut words = comment.trim_start().splitn(3, ' ');
        let (keyword, name, rest) = (words.next(), words.next(), words.next());
        let (Some(keyword @ ("TYPE" | "HELP")), Some(name)) = (keyword, name) else {
            return Ok(());
        };
        ensure!(is_name(name, true), "{name:?} is no metric name");
        let family = self.families.entry(name.to_owned()).or_default();
        if keyword == "TYPE" {
            let kind = rest.context("TYPE without a type")?;
            ensure!(family.samples.is_empty(), "TYPE of {name} after its samples");
            ensure!(family.kind.is_empty(), "a second TYPE of {name}");
            ensure!(
                ["counter", "gauge", "summary", "histogram", "untyped"].contains(&kind),
                "unknown type {kind:?}"
            );
            family.kind = kind.to_owned();
        }
        *current = name.to_owned();
        Ok(())
    }

    /// Puts a sample in the family it belongs to, which must be the one that is being read.
    fn place(&mut self, sample: Sample, current: &mut String) -> Result<()> {
        let owner = match self.families.get(current.as_str()) {
            Some(family) if belongs(&sample, current, &family.kind) => current.clone(),
            _ if self.families.contains_key(&sample.name) => {
                bail!("a sample of {} apart from the others of its family", sample.name)
            }
            _ => sample.name.clone(),
        };
        let family = self.families.entry(owner.clone()).or_default();
        if family.kind.is_empty() {
            family.kind = "untyped".to_owned();
        }
        family.samples.push(sample);
        *current = owner;
        Ok(())
    }
}

fn belongs(sample: &Sample, family: &str, kind: &str) -> bool {
    let Some(suffix) = sample.name.strip_prefix(family) else { return false };
    match (kind, suffix) {
        ("summary", "") => sample.labels.contains_key("quantile"),
        ("histogram", "_bucket") => sample.labels.contains_key("le"),
        ("summary" | "histogram", "_sum" | "_count") => true,
        ("histogram", _) => false,
        (_, suffix) => suffix.is_empty(),
    }
}

fn parse_sample(line: &str) -> Result<Sample> {
    let end = line.find(['{', ' ']).context("no value")?;
    let (name, rest) = line.split_at(end);
    ensure!(is_name(name, true), "{name:?} is no metric name");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let mut words = rest.split_whitespace();
    let value = words.next().context("no value")?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().with_context(|| format!("{number:?} is no number"))?,
    };
    if let Some(timestamp) = words.next() {
        timestamp.parse::<i64>().context("the timestamp is no number")?;
    }
    ensure!(words.next().is_none(), "something follows the timestamp");
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// Reads `name="value",…}` and gives what follows.
fn parse_labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, quoted) = rest.split_once("=\"").context("a label without a quoted value")?;
        ensure!(is_name(name, false), "{name:?} is no label name");
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next().context("a label value without an end")? {
                (at, '"') => break at + 1,
                (_, '\\') => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => value.push('\n'),
                    Some(escaped @ ('\\' | '"')) => value.push(escaped),
                    other => bail!("unknown escape {other:?}"),
                },
                (_, character) => value.push(character),
            }
        };
        ensure!(labels.insert(name.to_owned(), value).is_none(), "label {name} is there twice");
        rest = quoted.get(end..).unwrap_or_default();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next;
        } else {
            ensure!(rest.starts_with('}'), "no comma between labels");
        }
    }
}

fn is_name(name: &str, colons: bool) -> bool {
    let mut characters = name.chars();
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colons && c == ':');
    characters.next().is_some_and(letter) && characters.all(|c| letter(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(page: &str, why: &str) {
        let error = format!("{:#}", Exposition::parse(page).unwrap_err());
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_summary_has_quantiles_a_sum_and_a_count() {
        let page = "# HELP l Latency.\n# TYPE l summary\nl{f=\"a\",quantile=\"0.5\"} 1.5\n\
                    l_sum{f=\"a\"} 3\nl_count{f=\"a\"} 2\n";
        let read = Exposition::parse(page).unwrap();
        assert_eq!(read.families["l"].kind, "summary");
        assert_eq!(read.families["l"].samples.len(), 3);
        assert_eq!(read.value("l", &[("quantile", "0.5")]), Some(1.5));
    }

    #[test]
    fn label_values_are_unescaped() {
        let read = Exposition::parse("m{a=\"x\\\"\\\\\\n\",} 1\n").unwrap();
        assert_eq!(read.families["m"].samples[0].labels["a"], "x\"\\\n");
    }

    #[test]
    fn what_a_scraper_refuses_is_an_error() {
        refused("a 1\na 2\n", "twice");
        refused("# TYPE a counter\na 1\nb 1\na{x=\"1\"} 2\n", "apart");
        refused("a 1\n# TYPE a counter\n", "after its samples");
        refused("# TYPE a meter\n", "unknown type");
        refused("a one\n", "no number");
        refused("a{b=c} 1\n", "quoted");
        refused("a{b=\"c\"d=\"e\"} 1\n", "no comma");
        refused("1a 1\n", "no metric name");
        refused("a 1", "no end");
    }
}
