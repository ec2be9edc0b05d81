//! Ordinary functions and closures as values, for the test driver.
//!
//! One implementation per shape of signature: the `Kind` tells them apart, and the compiler finds
//! the one that fits.

use std::marker::PhantomData;

use crate::{
    context::Context,
    error::Error,
    payload::{FromPayload, Input, Output},
};

/// A function or closure that `#[function]` would accept. `Kind` is for the compiler to work out.
///
/// An output that borrows from the input is for `#[function]` only: wrap such a function in a
/// closure that makes it own its data, `|input: &str| function(input).map(str::to_owned)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run as a function",
    label = "not `fn(input) -> output` or `fn(input, &Context) -> output`",
    note = "the documentation of `function_mesh_sdk` lists the inputs and outputs"
)]
pub trait Handler<Kind> {
    #[doc(hidden)]
    fn run(&self, payload: &[u8], context: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error>;
}

/// `fn(I) -> O`
#[derive(Debug)]
pub struct Owned<I, O>(PhantomData<(I, O)>);

/// `fn(I, &Context) -> O`
#[derive(Debug)]
pub struct OwnedWithContext<I, O>(PhantomData<(I, O)>);

/// `fn(&I) -> O`
#[derive(Debug)]
pub struct Borrowed<I: ?Sized, O>(PhantomData<O>, PhantomData<I>);

/// `fn(&I, &Context) -> O`
#[derive(Debug)]
pub struct BorrowedWithContext<I: ?Sized, O>(PhantomData<O>, PhantomData<I>);

impl<F, I, O> Handler<Owned<I, O>> for F
where
    F: Fn(I) -> O,
    I: FromPayload,
    O: Output,
{
    fn run(&self, payload: &[u8], _: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
        self(I::from_payload(payload)?).write(outputs)
    }
}

impl<F, I, O> Handler<OwnedWithContext<I, O>> for F
where
    F: Fn(I, &Context) -> O,
    I: FromPayload,
    O: Output,
{
    fn run(&self, payload: &[u8], context: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
        self(I::from_payload(payload)?, context).write(outputs)
    }
}

macro_rules! borrowed {
    ($($input:ty),*) => {$(
        impl<F, O> Handler<Borrowed<$input, O>> for F
        where
            F: Fn(&$input) -> O,
            O: Output,
        {
            fn run(&self, payload: &[u8], _: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
                self(Input::read(payload)?).write(outputs)
            }
        }

        impl<F, O> Handler<BorrowedWithContext<$input, O>> for F
        where
            F: Fn(&$input, &Context) -> O,
            O: Output,
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
    )*};
}

borrowed!(str, [u8]);
