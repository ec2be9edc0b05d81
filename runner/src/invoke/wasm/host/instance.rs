//! Who the function is and how it is configured.

use super::{
    Host,
    bindings::imports::instance::{self, FunctionIdentity},
};

impl instance::Host for Host {
    fn identity(&mut self) -> wasmtime::Result<FunctionIdentity> {
        let context = &self.context;
        Ok(FunctionIdentity {
            tenant: context.id.tenant.clone(),
            namespace: context.id.namespace.clone(),
            name: context.id.name.clone(),
            function_id: context.function_id.clone(),
            function_version: context.function_version.clone(),
            instance_id: context.instance_id,
            num_instances: context.num_instances,
            cluster_name: context.cluster_name.clone(),
        })
    }

    fn input_topics(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.context.input_topics.clone())
    }

    fn output_topic(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.context.output_topic.clone())
    }

    fn output_schema_type(&mut self) -> wasmtime::Result<String> {
        Ok(self.context.output_schema_type.clone())
    }

    fn user_config(&mut self) -> wasmtime::Result<String> {
        Ok(serde_json::to_string(&self.context.user_config)?)
    }

    fn user_config_value(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.context.user_config.get(&key).map(serde_json::Value::to_string))
    }

    fn secret(&mut self, name: String) -> wasmtime::Result<Result<Option<String>, String>> {
        Ok(self.context.secrets.secret(&name).map_err(|fault| fault.to_string()))
    }
}
