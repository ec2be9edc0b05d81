//! What a function is called and what runs it, where the document does not say.

use super::FunctionConfig;
use crate::{
    function::function_details::Runtime,
    plan::FunctionId,
    topic_name::{DEFAULT_NAMESPACE, DEFAULT_TENANT},
};

impl FunctionConfig {
    /// Tenant, namespace and name with their defaults; parts that have none are empty.
    pub(super) fn identity(&self) -> FunctionId {
        let (tenant, namespace, name) = match self.fqfn.as_deref().and_then(split) {
            Some((tenant, namespace, name)) => (Some(tenant), Some(namespace), Some(name)),
            None => (None, None, None),
        };
        let part = |given: &Option<String>, of_fqfn: Option<&str>, default: &str| {
            given.as_deref().or(of_fqfn).unwrap_or(default).to_owned()
        };
        FunctionId {
            tenant: part(&self.tenant, tenant, DEFAULT_TENANT),
            namespace: part(&self.namespace, namespace, DEFAULT_NAMESPACE),
            name: part(&self.name, name, &self.default_name()),
        }
    }

    fn default_name(&self) -> String {
        let class = self.class_name.as_deref().filter(|class| !class.is_empty());
        let of_class = class.and_then(|class| class.rsplit('.').next());
        let of_file = self.wasm.as_deref().map(component_name);
        of_class.or(of_file).unwrap_or_default().to_owned()
    }

    /// The runtime as given, or by the package; `None` for a component.
    pub(super) fn inferred_runtime(&self) -> Option<Runtime> {
        let package = [
            (self.jar.is_some() || self.function_type.is_some(), Runtime::Java),
            (self.py.is_some(), Runtime::Python),
            (self.go.is_some(), Runtime::Go),
        ];
        let by_package = package.into_iter().find(|(given, _)| *given);
        self.runtime.or(by_package.map(|(_, runtime)| runtime))
    }
}

/// Into the three parts of `tenant/namespace/name`.
pub(super) fn split(fqfn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = fqfn.split('/');
    let found = (parts.next()?, parts.next()?, parts.next()?);
    let (tenant, namespace, name) = found;
    let whole = parts.next().is_none() && [tenant, namespace, name].iter().all(|p| !p.is_empty());
    whole.then_some(found)
}

/// `word_count` of `target/wasm32-wasip2/release/word_count.wasm`, of
/// `oci://registry/functions/word_count:1.0` and of `function://public/default/word_count@v1`.
fn component_name(url: &str) -> &str {
    let file = url.rsplit('/').next().unwrap_or(url);
    let name = file.split(['@', ':', '?', '#']).next().unwrap_or(file);
    name.strip_suffix(".wasm").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_comes_from_the_class_or_the_component() {
        for (class, wasm, name) in [
            (Some("org.example.WordCount"), None, "WordCount"),
            (None, Some("./target/word_count.wasm"), "word_count"),
            (None, Some("word_count.wasm"), "word_count"),
            (None, Some("oci://registry:5000/functions/word-count:1.0"), "word-count"),
            (None, Some("oci://registry/word-count@sha256:0123"), "word-count"),
            (None, Some("function://public/default/word-count@v1"), "word-count"),
            (None, Some("https://example.org/word-count.wasm?raw=true"), "word-count"),
            (None, None, ""),
        ] {
            let config = FunctionConfig {
                class_name: class.map(str::to_owned),
                wasm: wasm.map(str::to_owned),
                ..FunctionConfig::default()
            };
            assert_eq!(config.identity().name, name, "{class:?} {wasm:?}");
        }
    }

    #[test]
    fn a_full_name_fills_what_is_not_given() {
        let config = FunctionConfig {
            fqfn: Some("shop/eu/count".to_owned()),
            namespace: Some("us".to_owned()),
            ..FunctionConfig::default()
        };
        assert_eq!(config.identity().to_string(), "shop/us/count");
    }
}
