//! How payloads become a function's input, and its output a payload.
//!
//! Schemas are the runner's business: it hands over payloads as the topic's schema encodes them,
//! and registers the output's schema. Avro and Protobuf need a type that implements the traits here.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// A payload that is JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(
    /// The value.
    pub T,
);

/// A type of one's own that a function takes.
pub trait FromPayload: Sized {
    /// Reads a whole payload.
    ///
    /// # Errors
    /// The payload is not one of these; the message fails with this error.
    fn from_payload(payload: &[u8]) -> Result<Self, Error>;
}

/// A type of one's own that a function returns or publishes.
pub trait IntoPayload {
    /// Appends the payload to `payload`, which may hold others already.
    ///
    /// # Errors
    /// The value cannot be written; the message fails with this error.
    fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error>;
}

/// What a function can take.
#[diagnostic::on_unimplemented(
    message = "a function cannot take `{Self}`",
    label = "not an input",
    note = "an input is `&[u8]`, `Vec<u8>`, `&str`, `String`, `Json<T>`, or a type with `FromPayload`"
)]
pub trait Input<'a>: Sized {
    #[doc(hidden)]
    fn read(payload: &'a [u8]) -> Result<Self, Error>;
}

/// What a function can return.
#[diagnostic::on_unimplemented(
    message = "a function cannot return `{Self}`",
    label = "not an output",
    note = "an output is `Vec<u8>`, `&[u8]`, `String`, `&str`, `Json<T>` or a type with `IntoPayload`; an `Option` of it; `()`; or a `Result` of any of these with an error that implements `Display`"
)]
pub trait Output {
    /// Appends the output to `payloads`: whether there is one.
    #[doc(hidden)]
    fn write(self, payloads: &mut Vec<u8>) -> Result<bool, Error>;
}

impl<'a> Input<'a> for &'a [u8] {
    fn read(payload: &'a [u8]) -> Result<Self, Error> {
        Ok(payload)
    }
}

impl<'a> Input<'a> for &'a str {
    fn read(payload: &'a [u8]) -> Result<Self, Error> {
        std::str::from_utf8(payload).map_err(|why| Error::during("the input is not text", why))
    }
}

impl<T: FromPayload> Input<'_> for T {
    fn read(payload: &[u8]) -> Result<Self, Error> {
        T::from_payload(payload)
    }
}

impl FromPayload for Vec<u8> {
    fn from_payload(payload: &[u8]) -> Result<Self, Error> {
        Ok(payload.to_vec())
    }
}

impl FromPayload for String {
    fn from_payload(payload: &[u8]) -> Result<Self, Error> {
        <&str>::read(payload).map(str::to_owned)
    }
}

impl<T: DeserializeOwned> FromPayload for Json<T> {
    fn from_payload(payload: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(payload)
            .map(Json)
            .map_err(|why| Error::during("the input is not the expected JSON", why))
    }
}

impl IntoPayload for Vec<u8> {
    fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
        self.as_slice().write_payload(payload)
    }
}

impl IntoPayload for &[u8] {
    fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
        payload.extend_from_slice(self);
        Ok(())
    }
}

impl<const N: usize> IntoPayload for &[u8; N] {
    fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
        self.as_slice().write_payload(payload)
    }
}

impl IntoPayload for String {
    fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
        self.as_bytes().write_payload(payload)
    }
}

impl IntoPayload for &str {
    fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
        self.as_bytes().write_payload(payload)
    }
}

impl<T: Serialize> IntoPayload for Json<T> {
    fn write_payload(self, payload: &mut Vec<u8>) -> Result<(), Error> {
        serde_json::to_writer(payload, &self.0)
            .map_err(|why| Error::during("the output cannot be written as JSON", why))
    }
}

impl<T: IntoPayload> Output for T {
    fn write(self, payloads: &mut Vec<u8>) -> Result<bool, Error> {
        self.write_payload(payloads)?;
        Ok(true)
    }
}

impl<T: IntoPayload> Output for Option<T> {
    fn write(self, payloads: &mut Vec<u8>) -> Result<bool, Error> {
        self.map_or(Ok(false), |output| output.write(payloads))
    }
}

impl Output for () {
    fn write(self, _: &mut Vec<u8>) -> Result<bool, Error> {
        Ok(false)
    }
}

/// The alternate form of `Display` lets errors that carry their causes (`anyhow`'s) print them.
impl<T: Output, E: fmt::Display> Output for Result<T, E> {
    fn write(self, payloads: &mut Vec<u8>) -> Result<bool, Error> {
        match self {
            Ok(output) => output.write(payloads),
            Err(error) => Err(Error::new(format!("{error:#}"))),
        }
    }
}
