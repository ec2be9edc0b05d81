//! What must have become of a load, and what did.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::Load;

/// An expectation about every message of a load.
#[derive(Clone, Debug)]
pub struct Verify {
    /// Read in this order, each from its start.
    pub topics: Vec<String>,
    pub count: u32,
    pub keys: u32,
    /// Length of the expected text, for `%pad%`.
    pub size: u32,
    /// The expected text, as a template of [`Load::payload`].
    pub expected: String,
    /// The topic that a message must be in, as a template; none if there is only one.
    pub place: Option<String>,
    /// Finds a message's id in its text, as the first group.
    pub find: String,
    /// How long to wait for all to come.
    pub limit: Duration,
    /// How long to wait for what must not come, when all have.
    pub quiet: Duration,
}

impl Verify {
    /// All of a load must be in `topic`, each with `suffix` added.
    pub fn with_suffix(topic: &str, load: &Load, suffix: &str) -> Self {
        Self {
            topics: vec![topic.to_owned()],
            count: load.first + load.count,
            keys: load.keys,
            size: load.size + u32::try_from(suffix.len()).unwrap_or(0),
            expected: format!("{}{suffix}", load.payload),
            place: None,
            find: r"^(\d+) ".to_owned(),
            limit: Duration::from_secs(60),
            quiet: Duration::from_secs(1),
        }
    }

    pub(crate) fn arguments(&self) -> Value {
        let mut arguments = json!({
            "topics": self.topics, "count": self.count, "keys": self.keys, "size": self.size,
            "expected": self.expected, "find": self.find,
            "millis": self.limit.as_millis() as u64, "quietMillis": self.quiet.as_millis() as u64,
        });
        if let (Some(place), Some(fields)) = (&self.place, arguments.as_object_mut()) {
            fields.insert("place".to_owned(), json!(place));
        }
        arguments
    }
}

/// What an independent consumer found.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub received: u64,
    /// Ids that never came.
    pub lost: u64,
    /// Ids that came again.
    pub duplicated: u64,
    /// Ids that came, for the first time, after a later one of the same key.
    pub reordered: u64,
    /// Texts that are not what the id must have become.
    pub corrupt: u64,
    /// Texts without an id, or with one that was never sent.
    pub invented: u64,
    /// Messages in a topic that is not theirs.
    pub misplaced: u64,
    /// Broker entries that the messages came in.
    pub entries: u64,
    /// Milliseconds since the epoch.
    pub first_published: u64,
    pub last_published: u64,
    /// One of the texts that were wrong.
    pub example: String,
}

impl Report {
    /// Nothing is missing and nothing is wrong, though something may have come twice.
    ///
    /// # Errors
    /// The report.
    pub fn nothing_lost(&self) -> Result<()> {
        let wrong = self.lost + self.corrupt + self.invented + self.misplaced;
        ensure!(wrong == 0, "{self:?}");
        Ok(())
    }

    /// Every message came once, unharmed, in the order of its key.
    ///
    /// # Errors
    /// The report.
    pub fn exactly_once_in_order(&self) -> Result<()> {
        self.nothing_lost()?;
        ensure!(self.duplicated == 0 && self.reordered == 0, "{self:?}");
        Ok(())
    }
}
