//! What Functions, Sources and Sinks are to the reconciler: one thing with differences.

use function_mesh_proto::{function::FunctionDetails, mistake::Mistakes};
use k8s_openapi::api::{
    apps::v1::StatefulSetPersistentVolumeClaimRetentionPolicy, core::v1::PersistentVolumeClaim,
};
use kube::{Resource, ResourceExt, core::NamespaceResourceScope};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    crd::{
        Function, Sink, Source,
        io::{InputSpec, OutputSpec},
        status::WorkloadStatus,
        workload::WorkloadSpec,
    },
    details,
    reconcile::validate,
};

/// Which of the three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    Function,
    Source,
    Sink,
}

impl Component {
    /// As in labels and object names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }

    /// As in manifests.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Function => "Function",
            Self::Source => "Source",
            Self::Sink => "Sink",
        }
    }
}

/// What the logic is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language<'a> {
    Wasm,
    Java,
    Python,
    Go,
    /// The generic runtime's, other than wasm.
    Other(&'a str),
}

impl Language<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Wasm => "wasm",
            Self::Java => "java",
            Self::Python => "python",
            Self::Go => "golang",
            Self::Other(name) => name,
        }
    }
}

impl WorkloadSpec {
    /// `None` if the spec names no runtime.
    pub fn language(&self) -> Option<Language<'_>> {
        if self.wasm.is_some() {
            Some(Language::Wasm)
        } else if self.java.is_some() {
            Some(Language::Java)
        } else if self.python.is_some() {
            Some(Language::Python)
        } else if self.golang.is_some() {
            Some(Language::Go)
        } else {
            self.generic_runtime.as_ref().map(|generic| match generic.language.as_str() {
                "wasm" => Language::Wasm,
                other => Language::Other(other),
            })
        }
    }

    /// The file with the logic, and where it is fetched from if the image does not hold it.
    pub fn code(&self) -> Option<(&str, Option<&str>)> {
        let code = if let Some(wasm) = &self.wasm {
            (&wasm.module, &wasm.module_location)
        } else if let Some(java) = &self.java {
            (&java.jar, &java.jar_location)
        } else if let Some(python) = &self.python {
            (&python.py, &python.py_location)
        } else if let Some(go) = &self.golang {
            (&go.go, &go.go_location)
        } else {
            let generic = self.generic_runtime.as_ref()?;
            (&generic.function_file, &generic.function_file_location)
        };
        let location = code.1.as_deref().filter(|location| !location.is_empty());
        Some((code.0.as_str(), location))
    }

    /// Pods asked for, before any autoscaler: as the original mirrors the two fields.
    pub fn replicas(&self) -> i32 {
        self.replicas.or(self.min_replicas).unwrap_or(1)
    }
}

/// One of the three kinds, as the reconciler sees it.
pub trait Workload:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Serialize
    + DeserializeOwned
    + Clone
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    const COMPONENT: Component;

    fn spec(&self) -> &WorkloadSpec;
    fn status(&self) -> Option<&WorkloadStatus>;
    fn input(&self) -> Option<&InputSpec>;
    fn output(&self) -> Option<&OutputSpec>;

    /// What the instances are told.
    fn details(&self) -> FunctionDetails;

    /// Everything that is wrong with the spec.
    fn mistakes(&self) -> Mistakes;

    /// Subscriptions, or a batch source's intermediate topic, go when the object goes.
    fn cleans_up(&self) -> bool;

    /// Volumes of each pod's own, and what becomes of them.
    fn claims(
        &self,
    ) -> (&[PersistentVolumeClaim], Option<&StatefulSetPersistentVolumeClaimRetentionPolicy>) {
        (&[], None)
    }

    /// Name of the StatefulSet and of what belongs to it.
    fn object_name(&self) -> String {
        format!("{}-{}", self.name_any(), Self::COMPONENT.as_str())
    }

    /// The Pulsar-side name.
    fn pulsar_name(&self) -> String {
        match self.spec().name.as_deref() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => self.name_any(),
        }
    }
}

impl Workload for Function {
    const COMPONENT: Component = Component::Function;

    fn spec(&self) -> &WorkloadSpec {
        &self.spec.workload
    }

    fn status(&self) -> Option<&WorkloadStatus> {
        self.status.as_ref()
    }

    fn input(&self) -> Option<&InputSpec> {
        self.spec.consumption.input.as_ref()
    }

    fn output(&self) -> Option<&OutputSpec> {
        self.spec.output.as_ref()
    }

    fn details(&self) -> FunctionDetails {
        details::function(&self.pulsar_name(), &self.spec)
    }

    fn mistakes(&self) -> Mistakes {
        validate::function(&self.name_any(), &self.spec)
    }

    fn cleans_up(&self) -> bool {
        self.spec.consumption.cleanup_subscription == Some(true)
    }

    fn claims(
        &self,
    ) -> (&[PersistentVolumeClaim], Option<&StatefulSetPersistentVolumeClaimRetentionPolicy>) {
        let templates = self.spec.volume_claim_templates.as_deref().unwrap_or_default();
        (templates, self.spec.persistent_volume_claim_retention_policy.as_ref())
    }
}

impl Workload for Source {
    const COMPONENT: Component = Component::Source;

    fn spec(&self) -> &WorkloadSpec {
        &self.spec.workload
    }

    fn status(&self) -> Option<&WorkloadStatus> {
        self.status.as_ref()
    }

    fn input(&self) -> Option<&InputSpec> {
        None
    }

    fn output(&self) -> Option<&OutputSpec> {
        self.spec.output.as_ref()
    }

    fn details(&self) -> FunctionDetails {
        details::source(&self.pulsar_name(), &self.spec)
    }

    fn mistakes(&self) -> Mistakes {
        validate::source(&self.name_any(), &self.spec)
    }

    fn cleans_up(&self) -> bool {
        self.spec.batch_source_config.is_some()
    }
}

impl Workload for Sink {
    const COMPONENT: Component = Component::Sink;

    fn spec(&self) -> &WorkloadSpec {
        &self.spec.workload
    }

    fn status(&self) -> Option<&WorkloadStatus> {
        self.status.as_ref()
    }

    fn input(&self) -> Option<&InputSpec> {
        self.spec.consumption.input.as_ref()
    }

    fn output(&self) -> Option<&OutputSpec> {
        None
    }

    fn details(&self) -> FunctionDetails {
        details::sink(&self.pulsar_name(), &self.spec)
    }

    fn mistakes(&self) -> Mistakes {
        validate::sink(&self.name_any(), &self.spec)
    }

    fn cleans_up(&self) -> bool {
        self.spec.consumption.cleanup_subscription == Some(true)
    }
}
