//! What the operator is told about all pods: images, labels, pull secrets.
//!
//! The file has the keys of the Go operator's (`runnerImages`, `resourceLabels`, ..) and one of
//! ours, `runnerImage`. Unknown keys are refused.

use std::{collections::BTreeMap, path::Path};

use function_mesh_proto::{document::Document, mistake::Mistakes};
use k8s_openapi::api::core::v1::LocalObjectReference;
use serde::{Deserialize, Serialize};

use crate::workload::Language;

/// The runner's image, where neither file nor flag names one.
pub const DEFAULT_RUNNER_IMAGE: &str =
    concat!("function-mesh/function-runner:", env!("CARGO_PKG_VERSION"));

/// What pods get that their own manifest does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct PodDefaults {
    pub runner_image: String,
    pub images: RunnerImages,
    pub image_pull_secrets: Vec<LocalObjectReference>,
    pub image_pull_policy: Option<String>,
    pub resource_labels: BTreeMap<String, String>,
    pub resource_annotations: BTreeMap<String, String>,
    /// Prefer nodes without pods of the same function.
    pub default_affinity: bool,
}

impl Default for PodDefaults {
    fn default() -> Self {
        Self {
            runner_image: DEFAULT_RUNNER_IMAGE.to_owned(),
            images: RunnerImages::default(),
            image_pull_secrets: Vec::new(),
            image_pull_policy: None,
            resource_labels: BTreeMap::new(),
            resource_annotations: BTreeMap::new(),
            default_affinity: true,
        }
    }
}

impl PodDefaults {
    /// The image of a workload that names none.
    pub fn image_of(&self, language: Option<Language<'_>>) -> &str {
        let image = match language {
            Some(Language::Java) => self.images.java.as_deref(),
            Some(Language::Python) => self.images.python.as_deref(),
            Some(Language::Go) => self.images.go.as_deref(),
            Some(Language::Other(name)) => {
                self.images.generic_runtime.get(name).map(String::as_str)
            }
            Some(Language::Wasm) | None => Some(self.runner_image.as_str()),
        };
        image.unwrap_or(FALLBACK_IMAGE)
    }
}

/// Has Java, Python and Pulsar's connectors in it.
const FALLBACK_IMAGE: &str = "apachepulsar/pulsar-all:4.0.8";

/// Images of functions that name none, by language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RunnerImages {
    pub java: Option<String>,
    pub python: Option<String>,
    pub go: Option<String>,
    pub generic_runtime: BTreeMap<String, String>,
}

/// The operator's configuration file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OperatorFile {
    pub runner_image: Option<String>,
    pub runner_images: RunnerImages,
    pub runner_image_pull_secrets: Vec<LocalObjectReference>,
    pub runner_image_pull_policy: Option<String>,
    pub resource_labels: BTreeMap<String, String>,
    pub resource_annotations: BTreeMap<String, String>,
}

impl OperatorFile {
    /// # Errors
    /// Every key that is unknown or of the wrong type, with its place; or that the file cannot be
    /// read.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|why| ConfigError::Unreadable(path.display().to_string(), why))?;
        Self::from_yaml(&text).map_err(|why| ConfigError::Wrong(path.display().to_string(), why))
    }

    fn from_yaml(text: &str) -> Result<Self, Mistakes> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        Document::parse(text)?.read()
    }

    pub fn pod_defaults(self) -> PodDefaults {
        let default = PodDefaults::default();
        PodDefaults {
            runner_image: self.runner_image.unwrap_or(default.runner_image),
            images: self.runner_images,
            image_pull_secrets: self.runner_image_pull_secrets,
            image_pull_policy: self.runner_image_pull_policy,
            resource_labels: self.resource_labels,
            resource_annotations: self.resource_annotations,
            default_affinity: default.default_affinity,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {0}: {1}")]
    Unreadable(String, std::io::Error),
    #[error("the configuration file {0} has mistakes:\n{1}")]
    Wrong(String, Mistakes),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_operators_file_is_read() {
        let file = OperatorFile::from_yaml(
            "runnerImages: {java: j, genericRuntime: {nodejs: n}}\n\
             runnerImagePullSecrets: [{name: s}]\n\
             runnerImagePullPolicy: Always\n\
             resourceLabels: {a: b}\n",
        );
        let defaults = file.unwrap().pod_defaults();
        assert_eq!(defaults.image_of(Some(Language::Java)), "j");
        assert_eq!(defaults.image_of(Some(Language::Other("nodejs"))), "n");
        assert_eq!(defaults.image_pull_secrets.first().unwrap().name, "s");
        assert_eq!(defaults.resource_labels["a"], "b");
        assert_eq!(defaults.runner_image, DEFAULT_RUNNER_IMAGE);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let mistakes = OperatorFile::from_yaml("runnerImage: a\nrunerImages: {}\n").unwrap_err();
        let text = mistakes.to_string();
        assert!(text.contains("runerImages") && text.contains("line 2"), "{text}");
    }
}
