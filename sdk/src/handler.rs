//! Ordinary functions and closures as values, for the test driver.

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

/// The kinds of signatures, which let one trait be implemented for all of them.
#[derive(Debug)]
pub struct Takes<Input>(std::marker::PhantomData<fn(Input)>);

impl<F, I, O> Handler<Takes<(I, O)>> for F
where
    F: Fn(I) -> O,
    I: FromPayload,
    O: Output,
{
    fn run(&self, payload: &[u8], _: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
        self(I::from_payload(payload)?).write(outputs)
    }
}

impl<F, I, O> Handler<Takes<(I, &Context, O)>> for F
where
    F: Fn(I, &Context) -> O,
    I: FromPayload,
    O: Output,
{
    fn run(&self, payload: &[u8], context: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
        self(I::from_payload(payload)?, context).write(outputs)
    }
}

macro_rules! takes_borrowed {
    ($($input:ty),*) => {$(
        impl<F, O> Handler<Takes<(&$input, O)>> for F
        where
            F: Fn(&$input) -> O,
            O: Output,
        {
            fn run(&self, payload: &[u8], _: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
                self(Input::read(payload)?).write(outputs)
            }
        }

        impl<F, O> Handler<Takes<(&$input, &Context, O)>> for F
        where
            F: Fn(&$input, &Context) -> O,
            O: Output,
        {
            fn run(&self, payload: &[u8], context: &Context, outputs: &mut Vec<u8>) -> Result<bool, Error> {
                self(Input::read(payload)?, context).write(outputs)
            }
        }
    )*};
}

takes_borrowed!(str, [u8]);
