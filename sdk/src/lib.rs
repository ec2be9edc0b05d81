//! Write [Apache Pulsar](https://pulsar.apache.org) functions in Rust.
//!
//! A function takes a message's payload and returns what goes to the output topic. `cargo build
//! --release --target wasm32-wasip2` makes a WebAssembly component of it that `function-runner`
//! runs; `cargo test` runs the same code natively, against [`testing::TestRunner`].
//!
//! ```
//! use function_mesh_sdk::function;
//!
//! #[function]
//! fn exclamation(input: &str) -> String {
//!     format!("{input}!")
//! }
//! ```
//!
//! # The signature
//!
//! `fn(input) -> output` or `fn(input, &Context) -> output`.
//!
//! | input | reads the payload as |
//! |---|---|
//! | `&[u8]`, `Vec<u8>` | bytes |
//! | `&str`, `String` | UTF-8 text |
//! | [`Json<T>`] | JSON, into any `T: Deserialize` |
//!
//! | output | sends |
//! |---|---|
//! | `T`: `Vec<u8>`, `&[u8]`, `String`, `&str`, [`Json<T>`] | one message |
//! | `Option<T>` | one message, or none |
//! | `()` | nothing |
//! | `Result<_, E>` of any of these | the same; an `Err` fails the message |
//!
//! The borrowed inputs cost no allocation. `E` is anything with `Display`. Other types join in by
//! [`FromPayload`] and [`IntoPayload`].
//!
//! # Failing
//!
//! A message whose function returns an `Err`, or panics, has no effects: nothing it published or
//! wrote to the state happens. It is tried again as the function's retry settings say, then goes
//! to the dead-letter topic. Logs and metrics stay.

#![deny(missing_docs)]

pub use function_mesh_sdk_macros::function;

pub use crate::{
    context::Context,
    error::Error,
    handler::Handler,
    log::Level,
    payload::{FromPayload, Input, IntoPayload, Json, Output},
    publish::Publish,
    record::{MessageId, Record},
    state::State,
};

mod payload;
mod handler;
mod packed;

mod context;
mod record;
mod publish;
mod state;
mod log;
mod error;

mod host;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

/// What the code made by `#[function]` calls. Not part of the API.
#[doc(hidden)]
pub mod expanded;
