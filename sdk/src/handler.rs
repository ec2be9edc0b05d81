//! Ordinary functions and closures as values, for the test driver.
//!
//! One implementation per shape of signature: the `Kind` tells them apart, and the compiler finds
//! the one that fits.

use std::{fmt::Display, marker::PhantomData};

use crate::{
    context::Context,
    error::Error,
    payload::{FromPayload, Input, Output},
};

/// A function or closure that `#[function]` would accept. `Kind` is for the compiler to work out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run as a function",
    label = "not `fn(input) -> output` or `fn(input, &Context) -> output`",
    note = "the documentation of `function_mesh_sdk` lists the inputs and outputs"
)]
pub trait Handler<Kind> {
    #[doc(hidden)]
    fn run(&self, payload: &[u8], context: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error>;
}

/// Takes its input as a value.
#[derive(Debug)]
pub struct Owned<Signature>(PhantomData<Signature>);

/// Borrows its input for the call.
#[derive(Debug)]
pub struct Borrowed<Signature>(PhantomData<Signature>);

/// Borrows its input for the call and returns a part of it.
#[derive(Debug)]
pub struct PartOf<Signature>(PhantomData<Signature>);

impl<F, I, O> Handler<Owned<fn(I) -> O>> for F
where
    F: Fn(I) -> O,
    I: FromPayload,
    O: Output,
{
    fn run(&self, payload: &[u8], _: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
        self(I::from_payload(payload)?).write(outputs)
    }
}

impl<F, I, O> Handler<Owned<fn(I, &Context) -> O>> for F
where
    F: Fn(I, &Context) -> O,
    I: FromPayload,
    O: Output,
{
    fn run(&self, payload: &[u8], context: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
        self(I::from_payload(payload)?, context).write(outputs)
    }
}

/// `'a` is the input's lifetime.
macro_rules! handles {
    ($kind:ident, [$($generics:tt)*], $input:ty, $output:ty) => {
        impl<F, $($generics)*> Handler<$kind<for<'a> fn(&'a $input) -> $output>> for F
        where
            F: for<'a> Fn(&'a $input) -> $output,
        {
            fn run(&self, payload: &[u8], _: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
                self(Input::read(payload)?).write(outputs)
            }
        }

        impl<F, $($generics)*> Handler<$kind<for<'a> fn(&'a $input, &Context) -> $output>> for F
        where
            F: for<'a, 'c> Fn(&'a $input, &'c Context) -> $output,
        {
            fn run(
                &self,
                payload: &[u8],
                context: &Context,
                outputs: &mut Vec<u8>,
            ) -> Result<bool, Error> {
                self(Input::read(payload)?, context).write(outputs)
            }
        }
    };
    ($($input:ty),*) => {$(
        handles!(Borrowed, [O: Output], $input, O);
        handles!(PartOf, [], $input, &'a $input);
        handles!(PartOf, [], $input, Option<&'a $input>);
        handles!(PartOf, [E: Display], $input, Result<&'a $input, E>);
        handles!(PartOf, [E: Display], $input, Result<Option<&'a $input>, E>);
    )*};
}

handles!(str, [u8]);
