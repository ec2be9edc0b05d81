//! Names of topics, and patterns of names, by the rules of Pulsar's `TopicName`.
//!
//! A full name is `persistent://tenant/namespace/name`. A short one is `name`, of the tenant
//! `public` and the namespace `default`, or `tenant/namespace/name`. The form with a cluster
//! between tenant and namespace, which Pulsar deprecates, is refused.

use std::{fmt, str::FromStr};

use regex::Regex;

use crate::mistake::Mistake;

/// What a name without a tenant, or without a namespace, belongs to.
pub const DEFAULT_TENANT: &str = "public";
pub const DEFAULT_NAMESPACE: &str = "default";

/// What is expected where a topic is named.
const EXAMPLE: &str = "a topic name such as persistent://tenant/namespace/name";

/// A topic by its full name, which `Display` writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName {
    pub domain: Domain,
    pub tenant: String,
    pub namespace: String,
    /// Everything after the namespace, with the partition suffix if there is one.
    pub local: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    Persistent,
    NonPersistent,
}

/// Why a text does not name a topic, to follow "expected a topic name: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    #[error("it is empty")]
    Empty,
    #[error("the part before :// is persistent or non-persistent")]
    Domain,
    #[error("a short name has no slash (name) or two (tenant/namespace/name)")]
    Short,
    #[error("after :// come tenant, namespace and name")]
    Parts,
    #[error(
        "names with a cluster between tenant and namespace are of a form that Pulsar deprecates"
    )]
    Cluster,
    #[error("a tenant is made of letters, digits and - = : . _")]
    Tenant,
    #[error("a namespace is made of letters, digits and - = : . _")]
    Namespace,
    #[error("the name is empty, begins or ends with a space, or has a control character")]
    Local,
}

/// Why a text is not a pattern of topics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicPatternError {
    #[error(transparent)]
    Name(#[from] TopicNameError),
    #[error("patterns find persistent topics only")]
    NonPersistent,
    #[error("its last part is not a regular expression that runs in linear time: {0}")]
    Regex(String),
}

impl FromStr for TopicName {
    type Err = TopicNameError;

    fn from_str(text: &str) -> Result<Self, TopicNameError> {
        let name = split(text)?;
        let plain = name.local.trim() == name.local && !name.local.chars().any(char::is_control);
        // Pulsar reads a fourth part as a name of the old form.
        if text.contains("://") && name.local.contains('/') {
            return Err(TopicNameError::Cluster);
        }
        if plain && !name.local.is_empty() { Ok(name) } else { Err(TopicNameError::Local) }
    }
}

/// Into domain, tenant, namespace and the rest, of which nothing is checked.
fn split(text: &str) -> Result<TopicName, TopicNameError> {
    if text.trim().is_empty() {
        return Err(TopicNameError::Empty);
    }
    let (domain, rest) = match text.split_once("://") {
        Some(("persistent", rest)) => (Domain::Persistent, rest),
        Some(("non-persistent", rest)) => (Domain::NonPersistent, rest),
        Some(_) => return Err(TopicNameError::Domain),
        None => (Domain::Persistent, text),
    };
    let full = text.contains("://");
    let parts: Vec<&str> = rest.splitn(3, '/').collect();
    let (tenant, namespace, local) = match parts.as_slice() {
        [local] if !full => (DEFAULT_TENANT, DEFAULT_NAMESPACE, *local),
        [tenant, namespace, local] if full || !local.contains('/') => (*tenant, *namespace, *local),
        _ if full => return Err(TopicNameError::Parts),
        _ => return Err(TopicNameError::Short),
    };
    if !is_entity(tenant) {
        return Err(TopicNameError::Tenant);
    }
    if !is_entity(namespace) {
        return Err(TopicNameError::Namespace);
    }
    Ok(TopicName {
        domain,
        tenant: tenant.to_owned(),
        namespace: namespace.to_owned(),
        local: local.to_owned(),
    })
}

/// Whether a text may name a tenant or a namespace (Pulsar's `NamedEntity`).
pub fn is_entity(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-=:._".contains(c))
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = match self.domain {
            Domain::Persistent => "persistent",
            Domain::NonPersistent => "non-persistent",
        };
        write!(f, "{domain}://{}/{}/{}", self.tenant, self.namespace, self.local)
    }
}

/// Topics of a namespace whose whole full name matches: `persistent://tenant/namespace/regex`.
#[derive(Clone, Debug)]
pub struct TopicPattern {
    /// `tenant/namespace`.
    pub namespace: String,
    /// The pattern by its full name; Java's `matches`, so no part of it needs anchors.
    pub text: String,
    regex: Regex,
}

impl TopicPattern {
    /// Whether this topic is one of those; its partition suffix does not count.
    pub fn matches(&self, topic: &TopicName) -> bool {
        let whole = format!("{}/{}", topic.tenant, topic.namespace) == self.namespace;
        whole
            && topic.domain == Domain::Persistent
            && self.regex.is_match(without_partition(&topic.local))
    }
}

fn without_partition(local: &str) -> &str {
    match local.rsplit_once("-partition-") {
        Some((name, index)) if !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) => {
            name
        }
        _ => local,
    }
}

impl FromStr for TopicPattern {
    type Err = TopicPatternError;

    fn from_str(text: &str) -> Result<Self, TopicPatternError> {
        // A short pattern may hold slashes only as tenant/namespace/regex, as a name does.
        let name = split(text)?;
        if name.domain == Domain::NonPersistent {
            return Err(TopicPatternError::NonPersistent);
        }
        if name.local.is_empty() {
            return Err(TopicNameError::Local.into());
        }
        let regex = Regex::new(&format!("^(?:{})$", name.local)).map_err(|error| {
            // The last line says what is wrong, those before it point at the place.
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default();
            TopicPatternError::Regex(why.trim_start_matches("error: ").to_owned())
        })?;
        let namespace = format!("{}/{}", name.tenant, name.namespace);
        Ok(Self { namespace, text: name.to_string(), regex })
    }
}

/// The topic a field names.
pub(crate) fn topic(field: &str, text: &str) -> Result<TopicName, Mistake> {
    text.parse().map_err(|why| Mistake::new(field, text, format!("{EXAMPLE}: {why}")))
}

/// The pattern a field holds.
pub(crate) fn pattern(field: &str, text: &str) -> Result<TopicPattern, Mistake> {
    text.parse().map_err(|why| {
        let form = "a pattern such as persistent://tenant/namespace/regex";
        Mistake::new(field, text, format!("{form}: {why}"))
    })
}

#[cfg(test)]
mod tests;
