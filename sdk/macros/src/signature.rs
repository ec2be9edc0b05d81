//! What a function must look like, as far as its tokens tell.
//!
//! Whether a type is an input or an output is left to the compiler, which knows the types.

use proc_macro2::TokenStream;
use syn::{
    Error, FnArg, GenericParam, ItemFn, Path, Result, ReturnType, Signature, Token, Type,
    TypeReference,
    parse::{Parse, ParseStream},
};

/// A function that can be one.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    pub(crate) input: Type,
    /// The context's type, if the function takes it.
    pub(crate) context: Option<Type>,
    pub(crate) init: Option<Path>,
}

impl Function {
    pub(crate) fn parse(arguments: TokenStream, item: TokenStream) -> Result<Self> {
        let arguments: Arguments = syn::parse2(arguments)?;
        let item: ItemFn = syn::parse2(item).map_err(|mistake| {
            Error::new(mistake.span(), format!("`#[function]` stands on a function: {mistake}"))
        })?;
        check_qualifiers(&item.sig)?;
        check_output(&item.sig)?;
        let (input, context) = check_inputs(&item.sig)?;
        Ok(Self { input, context, init: arguments.init, item })
    }
}

/// What stands in the attribute's parentheses.
struct Arguments {
    init: Option<Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Ok(Self { init: None });
        }
        let name: syn::Ident = input.parse()?;
        if name != "init" {
            return Err(Error::new(
                name.span(),
                "unknown argument; there is `init = path::to::hook`",
            ));
        }
        input.parse::<Token![=]>()?;
        let init = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(input.error("`init = path::to::hook` is the only argument"));
        }
        Ok(Self { init: Some(init) })
    }
}

fn check_qualifiers(signature: &Signature) -> Result<()> {
    if let Some(token) = &signature.asyncness {
        return wrong(token, "a function cannot be async: the runner calls it and waits");
    }
    if let Some(token) = &signature.unsafety {
        return wrong(token, "a function cannot be unsafe: the runner calls it");
    }
    if let Some(abi) = &signature.abi {
        return wrong(abi, "a function has Rust's own calling convention");
    }
    for parameter in &signature.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            return wrong(parameter, "a function cannot be generic: name the type it takes");
        }
    }
    Ok(())
}

/// The types of the input and, if there is one, of the context.
fn check_inputs(signature: &Signature) -> Result<(Type, Option<Type>)> {
    let mut types = Vec::new();
    for argument in &signature.inputs {
        match argument {
            FnArg::Receiver(receiver) => {
                return wrong(receiver, "a function stands on its own: it has no `self`");
            }
            FnArg::Typed(argument) => types.push(&*argument.ty),
        }
    }
    let mut types = types.into_iter();
    let Some(input) = types.next() else {
        return Err(Error::new(
            signature.paren_token.span.join(),
            "a function takes its input: `fn(input)` or `fn(input, &Context)`",
        ));
    };
    let context = types.next();
    if let Some(third) = types.next() {
        return wrong(third, "a function takes its input and at most the context");
    }
    if is_context(input) {
        return wrong(input, "the input comes first, then the context: `fn(input, &Context)`");
    }
    check_input(input)?;
    if let Some(context) = context {
        check_context(context)?;
    }
    Ok((input.clone(), context.cloned()))
}

fn check_input(input: &Type) -> Result<()> {
    match input {
        Type::ImplTrait(_) => wrong(input, "a function cannot be generic: name the type it takes"),
        Type::Reference(TypeReference { mutability: Some(token), .. }) => {
            wrong(token, "the input is borrowed for reading only")
        }
        Type::Reference(TypeReference { lifetime: Some(lifetime), .. })
            if lifetime.ident == "static" =>
        {
            wrong(lifetime, "the input lives for one call only: leave the lifetime out")
        }
        _ => Ok(()),
    }
}

fn check_context(context: &Type) -> Result<()> {
    match context {
        Type::Reference(TypeReference { mutability: Some(token), .. }) => {
            wrong(token, "the context is shared: `&Context`")
        }
        Type::Reference(_) => Ok(()),
        _ => wrong(context, "the second argument is the context: `&Context`"),
    }
}

fn check_output(signature: &Signature) -> Result<()> {
    match &signature.output {
        ReturnType::Type(_, output) if matches!(**output, Type::ImplTrait(_) | Type::Never(_)) => {
            wrong(output, "name the type that the function returns")
        }
        _ => Ok(()),
    }
}

/// Whether this is `Context`, or a reference to it, by its name.
fn is_context(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_context(&reference.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Context"),
        _ => false,
    }
}

fn wrong<T>(tokens: impl quote::ToTokens, message: &str) -> Result<T> {
    Err(Error::new_spanned(tokens, message))
}
