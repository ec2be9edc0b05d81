//! The `#[function]` attribute of `function-mesh-sdk`, which re-exports it.
//!
//! `signature` says what is wrong with a function, at the token that is wrong; `expand` writes
//! the few lines that make a right one a component. Types are checked by the code written, with
//! the spans of the types.

use proc_macro::TokenStream;

mod signature;
mod expand;

/// Makes an ordinary function the function of this component.
///
/// The function stays as it is: it can be called, and given to the test driver. One per crate.
///
/// ```
/// use function_mesh_sdk::function;
///
/// #[function]
/// fn exclamation(input: &str) -> String {
///     format!("{input}!")
/// }
///
/// assert_eq!(exclamation("hello"), "hello!");
/// ```
///
/// `init` names a hook that runs once, before the first message; its error keeps the function from
/// starting.
///
/// ```
/// use std::sync::OnceLock;
///
/// use function_mesh_sdk::{Context, Error, function};
///
/// static PREFIX: OnceLock<String> = OnceLock::new();
///
/// fn read_prefix(context: &Context) -> Result<(), Error> {
///     let prefix = context
///         .user_config_value_as("prefix")?
///         .ok_or_else(|| Error::new("user config 'prefix' is missing"))?;
///     PREFIX.get_or_init(|| prefix);
///     Ok(())
/// }
///
/// #[function(init = read_prefix)]
/// fn prefixed(input: &str) -> Option<String> {
///     PREFIX.get().map(|prefix| format!("{prefix}{input}"))
/// }
/// ```
#[proc_macro_attribute]
pub fn function(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match signature::Function::parse(arguments.into(), item.clone().into()) {
        Ok(function) => expand::expand(&function).into(),
        Err(mistake) => {
            // The item stays, so that what uses it does not fail too.
            let mut tokens = TokenStream::from(mistake.into_compile_error());
            tokens.extend(item);
            tokens
        }
    }
}
