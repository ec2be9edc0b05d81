//! What a function can ask about itself, and the bookkeeping of the message under way.
//!
//! The other halves of `Context` stand with what they return: `record`, `publish`, `state`, `log`.
//! Deliberately absent: a Pulsar client or admin client, and environment variables.

use std::cell::{Cell, OnceCell};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    error::Error,
    host::{Host, Identity},
};

#[cfg(target_family = "wasm")]
pub(crate) type Backend = crate::component::Runner;
#[cfg(not(target_family = "wasm"))]
pub(crate) type Backend = std::sync::Arc<dyn Host>;

/// What surrounds a function: its message, its configuration, and ways to act.
///
/// ```
/// use function_mesh_sdk::{Context, Error, function};
///
/// #[function]
/// fn greet(input: &str, context: &Context) -> Result<String, Error> {
///     let greeting = context.user_config_value_or("greeting", "hello".to_owned())?;
///     context.info(format_args!("greeting for the message of {}", context.record().topic()));
///     Ok(format!("{greeting} {input}"))
/// }
/// ```
pub struct Context {
    host: Backend,
    /// The index of the message under way, none in a start hook.
    index: Cell<Option<u32>>,
    /// Whether the message under way did anything that its failure must undo.
    effects: Cell<bool>,
    identity: OnceCell<Identity>,
    user_config: OnceCell<Map<String, Value>>,
}

impl Context {
    pub(crate) const fn new(host: Backend) -> Self {
        Self {
            host,
            index: Cell::new(None),
            effects: Cell::new(false),
            identity: OnceCell::new(),
            user_config: OnceCell::new(),
        }
    }

    /// No `&dyn Host`: its table of functions would make every component import everything.
    pub(crate) fn host(&self) -> &(impl Host + ?Sized + use<>) {
        self.host.as_ref()
    }

    /// An index no batch reaches stands for "none": a host refuses it.
    pub(crate) fn record_index(&self) -> u32 {
        self.index.get().unwrap_or(u32::MAX)
    }

    pub(crate) fn begin_record(&self, index: u32) {
        self.index.set(Some(index));
        self.effects.set(false);
    }

    pub(crate) fn end_records(&self) {
        self.index.set(None);
    }

    /// Notes that the message under way is about to have an effect.
    pub(crate) fn effect(&self, action: &str, what: &str) -> Result<u32, Error> {
        let Some(index) = self.index.get() else {
            return Err(Error::new(format!(
                "cannot {action} '{what}': only possible while a message is processed"
            )));
        };
        self.effects.set(true);
        Ok(index)
    }

    /// Takes back what the failed message under way did.
    pub(crate) fn discard_effects(&self) {
        if self.effects.replace(false) {
            self.host().discard(self.record_index());
        }
    }

    fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| self.host().identity())
    }

    /// The function's tenant.
    pub fn tenant(&self) -> &str {
        &self.identity().tenant
    }

    /// The function's namespace, without the tenant.
    pub fn namespace(&self) -> &str {
        &self.identity().namespace
    }

    /// The function's name.
    pub fn function_name(&self) -> &str {
        &self.identity().name
    }

    /// The function's id.
    pub fn function_id(&self) -> &str {
        &self.identity().function_id
    }

    /// The version of the function's code and configuration.
    pub fn function_version(&self) -> &str {
        &self.identity().function_version
    }

    /// Which of the function's instances this is, from 0.
    pub fn instance_id(&self) -> u32 {
        self.identity().instance_id
    }

    /// How many instances the function has.
    pub fn num_instances(&self) -> u32 {
        self.identity().num_instances
    }

    /// The Pulsar cluster the function belongs to.
    pub fn cluster_name(&self) -> &str {
        &self.identity().cluster_name
    }

    /// The topics the function reads.
    pub fn input_topics(&self) -> Vec<String> {
        self.host().input_topics()
    }

    /// The topic that the function's outputs go to.
    pub fn output_topic(&self) -> Option<String> {
        self.host().output_topic()
    }

    /// The output's schema type, upper case as Pulsar names it; empty without one.
    pub fn output_schema_type(&self) -> String {
        self.host().output_schema_type()
    }

    /// The whole user configuration.
    pub fn user_config_map(&self) -> &Map<String, Value> {
        self.user_config.get_or_init(|| self.host().user_config())
    }

    /// One value of the user configuration.
    ///
    /// Unlike in Java's context, a text that starts with `$` is not replaced by an environment
    /// variable: a component's environment is empty. Use a secret for what differs by deployment.
    pub fn user_config_value(&self, key: &str) -> Option<&Value> {
        self.user_config_map().get(key)
    }

    /// One value of the user configuration, as a `T`.
    ///
    /// # Errors
    /// The value is not a `T`.
    pub fn user_config_value_as<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.user_config_value(key)
            .map(T::deserialize)
            .transpose()
            .map_err(|why| Error::during(format_args!("user config '{key}'"), why))
    }

    /// One value of the user configuration, as a `T`; `default` if it is not set.
    ///
    /// # Errors
    /// The value is not a `T`.
    pub fn user_config_value_or<T: DeserializeOwned>(
        &self,
        key: &str,
        default: T,
    ) -> Result<T, Error> {
        Ok(self.user_config_value_as(key)?.unwrap_or(default))
    }

    /// A secret granted to this function; none if there is no such secret.
    ///
    /// # Errors
    /// The secret was granted and cannot be read.
    pub fn secret(&self, name: &str) -> Result<Option<String>, Error> {
        self.host().secret(name).map_err(|why| Error::during(format_args!("secret '{name}'"), why))
    }

    /// Records a value of a user metric, `pulsar_function_user_metric_` with the name as a label.
    pub fn record_metric(&self, name: &str, value: f64) {
        self.host().record_metric(name, value);
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("record", &self.index.get()).finish_non_exhaustive()
    }
}
