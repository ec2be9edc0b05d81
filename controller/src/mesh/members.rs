//! A mesh's members, each as the object it will be, or as what is wrong with it.

use function_mesh_proto::mistake::Mistakes;
use kube::ResourceExt;

use crate::{
    crd::{
        Function, FunctionMesh, Sink, Source,
        io::{InputSpec, OutputSpec},
        workload::WorkloadSpec,
    },
    reconcile::validate::member,
    workload::{Component, Workload},
};

/// One member.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name in the mesh, which is the Pulsar-side name too.
    pub name: String,
    /// Where it stands: `spec.functions[0]`.
    pub field: String,
    pub object: Object,
    /// What keeps it from being applied.
    pub mistakes: Vec<String>,
}

/// A member as the object that it is to be.
#[derive(Clone, Debug)]
pub enum Object {
    Function(Box<Function>),
    Source(Box<Source>),
    Sink(Box<Sink>),
}

impl Object {
    pub fn component(&self) -> Component {
        match self {
            Self::Function(_) => Component::Function,
            Self::Source(_) => Component::Source,
            Self::Sink(_) => Component::Sink,
        }
    }

    pub fn spec(&self) -> &WorkloadSpec {
        match self {
            Self::Function(function) => function.spec(),
            Self::Source(source) => source.spec(),
            Self::Sink(sink) => sink.spec(),
        }
    }

    pub fn input(&self) -> Option<&InputSpec> {
        match self {
            Self::Function(function) => function.input(),
            Self::Source(source) => source.input(),
            Self::Sink(sink) => sink.input(),
        }
    }

    pub fn output(&self) -> Option<&OutputSpec> {
        match self {
            Self::Function(function) => function.output(),
            Self::Source(source) => source.output(),
            Self::Sink(sink) => sink.output(),
        }
    }
}

/// All members, in the order of the manifest.
pub(super) fn of(mesh: &FunctionMesh) -> Vec<Member> {
    let spec = &mesh.spec;
    let mut members = Vec::new();
    for (i, source) in spec.sources.iter().flatten().enumerate() {
        let object = Source::new(&child_name(mesh, &source.workload), source.clone());
        let mistakes = member::source(&object.name_any(), source);
        let object = Object::Source(Box::new(object));
        members.push(of_spec(format!("spec.sources[{i}]"), object, &mistakes));
    }
    for (i, function) in spec.functions.iter().flatten().enumerate() {
        let object = Function::new(&child_name(mesh, &function.workload), function.clone());
        let mistakes = member::function(&object.name_any(), function);
        let object = Object::Function(Box::new(object));
        members.push(of_spec(format!("spec.functions[{i}]"), object, &mistakes));
    }
    for (i, sink) in spec.sinks.iter().flatten().enumerate() {
        let object = Sink::new(&child_name(mesh, &sink.workload), sink.clone());
        let mistakes = member::sink(&object.name_any(), sink);
        let object = Object::Sink(Box::new(object));
        members.push(of_spec(format!("spec.sinks[{i}]"), object, &mistakes));
    }
    for mistake in member::names(spec).iter() {
        let of_member = |member: &&mut Member| mistake.field.starts_with(&member.field);
        if let Some(member) = members.iter_mut().find(of_member) {
            member.mistakes.push(mistake.to_string());
        }
    }
    members
}

fn child_name(mesh: &FunctionMesh, spec: &WorkloadSpec) -> String {
    format!("{}-{}", mesh.name_any(), spec.name.as_deref().unwrap_or_default())
}

fn of_spec(field: String, object: Object, mistakes: &Mistakes) -> Member {
    let name = object.spec().name.clone().unwrap_or_default();
    let inside = |text: String| text.replacen("\"spec.", &format!("\"{field}."), 1);
    let mistakes = mistakes.iter().map(|mistake| inside(mistake.to_string())).collect();
    Member { name, field, object, mistakes }
}
