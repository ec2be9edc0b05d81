//! What the code made by `#[function]` calls.

use crate::{context::Context, error::Error};

#[cfg(target_family = "wasm")]
pub use crate::component::{Batch, Guest, Results, bindings, process, start};

/// Makes the component's exports of a function and its start hook. A native build checks their
/// types only.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($function:expr, $start:expr) => {
        const _: () = {
            struct Component;

            impl $crate::expanded::Guest for Component {
                fn start() -> ::core::result::Result<(), ::std::string::String> {
                    $crate::expanded::start($start)
                }

                fn process(batch: $crate::expanded::Batch) -> $crate::expanded::Results {
                    $crate::expanded::process(&batch, $function)
                }
            }

    $crate::expanded::bindings::export!(Component with_types_in $crate::expanded::bindings);
        };
    };
}

#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($function:expr, $start:expr) => {
        const _: $crate::expanded::Run = $function;
        const _: fn() = || $crate::expanded::check_start($start);
    };
}

/// A function that reads its own input and writes its own output.
pub type Run = fn(&[u8], &Context, &mut Vec<u8>) -> Result<bool, Error>;

/// Is a start hook, or does not compile.
#[cfg(not(target_family = "wasm"))]
pub fn check_start<E: std::fmt::Display>(_: impl FnOnce(&Context) -> Result<(), E>) {}

/// Stands for the start hook of a function that has none.
pub fn no_hook(_: &Context) -> Result<(), std::convert::Infallible> {
    Ok(())
}
