//! Which member hands messages to which. Cycles are allowed; what cannot work is found.

use std::collections::{BTreeMap, BTreeSet};

use function_mesh_proto::topic_name::{TopicName, TopicPattern};

use super::members::{Member, Object};
use crate::crd::{
    io::{InputSpec, OutputSpec},
    status::MeshEdge,
    workload::WorkloadSpec,
};

/// The topics between members, and what is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// In order; an end outside the mesh is empty.
    pub edges: Vec<MeshEdge>,
    /// Topics that nobody in the mesh writes, but somebody reads.
    pub unwritten: Vec<String>,
    /// Topics that nobody in the mesh reads, but somebody writes.
    pub unread: Vec<String>,
    /// Edges whose two ends disagree about the schema, in a sentence each.
    pub mismatches: Vec<String>,
}

/// A topic on a cluster, as one member uses it.
struct Use<'a> {
    member: &'a str,
    /// The ConfigMap that says where the topic is.
    cluster: &'a str,
    topic: Topic,
    /// Schema type or Java class, where one is named.
    schema: Option<String>,
}

enum Topic {
    Named(TopicName),
    Matching(TopicPattern),
}

/// Computes the graph. Topics that cannot be read as names are the validation's business.
pub fn of(members: &[Member]) -> Graph {
    let reads: Vec<Use<'_>> = members.iter().flat_map(reads).collect();
    let writes: Vec<Use<'_>> = members.iter().flat_map(writes).collect();
    let mut edges = BTreeSet::new();
    let mut graph = Graph::default();
    for write in &writes {
        let Topic::Named(topic) = &write.topic else { continue };
        let name = topic.to_string();
        let readers =
            reads.iter().filter(|read| read.cluster == write.cluster && read.covers(topic));
        let mut read_by_any = false;
        for read in readers {
            read_by_any = true;
            edges.insert(edge(write.member, read.member, &name));
            if let (Some(written), Some(expected)) = (&write.schema, &read.schema)
                && written != expected
            {
                graph.mismatches.push(format!(
                    "{} writes {name} as {written}, {} reads it as {expected}",
                    write.member, read.member
                ));
            }
        }
        if !read_by_any {
            edges.insert(edge(write.member, "", &name));
            graph.unread.push(name);
        }
    }
    for read in &reads {
        let writers = writes.iter().filter(|write| match &write.topic {
            Topic::Named(topic) => write.cluster == read.cluster && read.covers(topic),
            Topic::Matching(_) => false,
        });
        if writers.count() == 0 {
            let name = read.topic.name();
            edges.insert(edge("", read.member, &name));
            graph.unwritten.push(name);
        }
    }
    graph.edges = edges.into_iter().collect();
    for list in [&mut graph.unread, &mut graph.unwritten, &mut graph.mismatches] {
        list.sort();
        list.dedup();
    }
    graph
}

fn edge(from: &str, to: &str, topic: &str) -> MeshEdge {
    MeshEdge { from: from.to_owned(), to: to.to_owned(), topic: topic.to_owned() }
}

impl Use<'_> {
    fn covers(&self, topic: &TopicName) -> bool {
        match &self.topic {
            Topic::Named(own) => own == topic,
            Topic::Matching(pattern) => pattern.matches(topic),
        }
    }
}

impl Topic {
    fn name(&self) -> String {
        match self {
            Self::Named(name) => name.to_string(),
            Self::Matching(pattern) => pattern.text.clone(),
        }
    }
}

fn reads(member: &Member) -> Vec<Use<'_>> {
    let Some(input) = member.object.input() else { return Vec::new() };
    // A connector in the place of the input reads no topic.
    if let Object::Function(function) = &member.object
        && function.spec.source_config.is_some()
    {
        return Vec::new();
    }
    let spec = member.object.spec();
    let class = named_class(input.type_class_name.as_deref());
    let mut topics: BTreeMap<&str, (bool, Option<String>)> = BTreeMap::new();
    for topic in input.topics.iter().flatten() {
        topics.insert(topic, (false, class.clone()));
    }
    if let Some(pattern) = input.topic_pattern.as_deref().filter(|pattern| !pattern.is_empty()) {
        topics.insert(pattern, (true, class.clone()));
    }
    for topic in input.custom_serde_sources.iter().flatten().map(|(topic, _)| topic) {
        topics.insert(topic, (false, class.clone()));
    }
    for (topic, schema) in input.custom_schema_sources.iter().flatten() {
        topics.insert(topic, (false, schema_type(Some(schema)).or_else(|| class.clone())));
    }
    for (topic, consumer) in input.source_specs.iter().flatten() {
        let schema = schema_type(consumer.schema_type.as_deref()).or_else(|| class.clone());
        topics.insert(topic, (consumer.is_regex_pattern == Some(true), schema));
    }
    let uses = topics.into_iter().filter_map(|(text, (is_pattern, schema))| {
        let topic = if is_pattern {
            Topic::Matching(text.parse().ok()?)
        } else {
            Topic::Named(text.parse().ok()?)
        };
        let cluster = cluster_of(spec, input_cluster(input, text));
        Some(Use { member: &member.name, cluster, topic, schema })
    });
    uses.collect()
}

fn writes(member: &Member) -> Vec<Use<'_>> {
    let Some(output) = member.object.output() else { return Vec::new() };
    if let Object::Function(function) = &member.object
        && function.spec.sink_config.is_some()
    {
        return Vec::new();
    }
    let topic = output.topic.as_deref().and_then(|topic| topic.parse().ok());
    let of_topic = |topic| Use {
        member: &member.name,
        cluster: cluster_of(member.object.spec(), output.cluster_ref.as_deref()),
        topic: Topic::Named(topic),
        schema: output_schema(output),
    };
    topic.map(of_topic).into_iter().collect()
}

fn output_schema(output: &OutputSpec) -> Option<String> {
    schema_type(output.sink_schema_type.as_deref())
        .or_else(|| named_class(output.type_class_name.as_deref()))
}

fn input_cluster<'a>(input: &'a InputSpec, topic: &str) -> Option<&'a str> {
    input.cluster_refs.as_ref()?.get(topic).map(String::as_str)
}

/// A cluster is known by the ConfigMap that describes it: two members may call it by two names.
fn cluster_of<'a>(spec: &'a WorkloadSpec, named: Option<&str>) -> &'a str {
    let messaging = match named {
        Some(name) => spec.pulsar_clusters.as_ref().and_then(|clusters| clusters.get(name)),
        None => spec.pulsar.as_ref(),
    };
    messaging.and_then(|messaging| messaging.pulsar_config.as_deref()).unwrap_or_default()
}

/// Bytes fit everything.
fn schema_type(text: Option<&str>) -> Option<String> {
    let text = text?.to_ascii_uppercase();
    (!matches!(text.as_str(), "" | "NONE" | "BYTES" | "AUTO_CONSUME" | "AUTO_PUBLISH"))
        .then_some(text)
}

/// The schema that a well-known Java class stands for; bytes fit everything.
fn named_class(class: Option<&str>) -> Option<String> {
    match class? {
        "" | "[B" | "byte[]" => None,
        "java.lang.String" => Some("STRING".to_owned()),
        other => Some(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{crd::FunctionMesh, mesh::members};

    fn graph(functions: Value) -> Graph {
        let mesh = FunctionMesh::new("m", serde_json::from_value(functions).unwrap());
        of(&members::of(&mesh))
    }

    fn function(name: &str, input: &str, output: &str) -> Value {
        json!({
            "name": name,
            "input": {"topics": [input]},
            "output": {"topic": output},
            "pulsar": {"pulsarConfig": "p"},
            "wasm": {"module": "m.wasm"},
        })
    }

    fn edges(graph: &Graph) -> Vec<(&str, &str, &str)> {
        graph
            .edges
            .iter()
            .map(|e| {
                let local = e.topic.rsplit('/').next().unwrap_or_default();
                (e.from.as_str(), e.to.as_str(), local)
            })
            .collect()
    }

    #[test]
    fn a_chain_has_an_entry_and_an_exit() {
        let functions =
            [function("a", "in", "x"), function("b", "persistent://public/default/x", "out")];
        let graph = graph(json!({ "functions": functions }));
        let expected = [("", "a", "in"), ("a", "b", "x"), ("b", "", "out")];
        assert_eq!(edges(&graph), expected);
        assert_eq!(graph.unwritten, ["persistent://public/default/in"]);
        assert_eq!(graph.unread, ["persistent://public/default/out"]);
    }

    #[test]
    fn a_cycle_is_a_graph_too() {
        let functions = [function("a", "y", "x"), function("b", "x", "y")];
        let graph = graph(json!({ "functions": functions }));
        assert_eq!(edges(&graph), [("a", "b", "x"), ("b", "a", "y")]);
        assert!(graph.unread.is_empty() && graph.unwritten.is_empty());
    }

    #[test]
    fn a_pattern_reads_what_it_matches() {
        let mut reader = function("b", "in", "out");
        reader["input"] = json!({"topicPattern": "persistent://public/default/x-.*"});
        let graph = graph(json!({"functions": [function("a", "in", "x-1"), reader]}));
        assert!(edges(&graph).contains(&("a", "b", "x-1")), "{graph:?}");
    }

    #[test]
    fn the_same_name_on_another_cluster_is_another_topic() {
        let mut reader = function("b", "x", "out");
        reader["pulsar"]["pulsarConfig"] = json!("q");
        let graph = graph(json!({"functions": [function("a", "in", "x"), reader]}));
        assert!(edges(&graph).contains(&("a", "", "x")), "{graph:?}");
        assert!(edges(&graph).contains(&("", "b", "x")), "{graph:?}");
    }

    #[test]
    fn schemas_that_do_not_fit_are_named() {
        let mut writer = function("a", "in", "x");
        writer["output"]["sinkSchemaType"] = json!("json");
        let mut reader = function("b", "x", "out");
        reader["input"]["typeClassName"] = json!("java.lang.String");
        let graph = graph(json!({"functions": [writer, reader]}));
        let expected = "a writes persistent://public/default/x as JSON, b reads it as STRING";
        assert_eq!(graph.mismatches, [expected]);
    }
}
