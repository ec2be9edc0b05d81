//! The code that makes a function a component.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Lifetime, ReturnType, parse_quote, spanned::Spanned as _};

use crate::signature::Function;

/// The function as it was, and beside it one that reads its input and writes its output.
///
/// What the compiler can say about a type it says at that type: hence the spans.
pub(crate) fn expand(function: &Function) -> TokenStream {
    let Function { item, input, context, init } = function;
    let name = &item.sig.ident;

    let input = without_lifetimes(input.to_token_stream());
    let read = quote_spanned! {function.input.span()=>
        <#input as ::function_mesh_sdk::Input<'_>>::read(payload)?
    };
    let context = context.as_ref().map(|ty| quote_spanned! {ty.span()=> context });
    let output = match &item.sig.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, output) => output.clone(),
    };
    let output_type = without_lifetimes(output.to_token_stream());
    let write = quote_spanned! {output.span()=>
        <#output_type as ::function_mesh_sdk::Output>::write
    };
    let start = match init {
        Some(hook) => quote!(#hook),
        None => quote!(::function_mesh_sdk::expanded::no_hook),
    };

    quote! {
        #item

        const _: () = {
            fn __run(
                payload: &[u8],
                context: &::function_mesh_sdk::Context,
                outputs: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<bool, ::function_mesh_sdk::Error> {
                #write(#name(#read, #context), outputs)
            }

            ::function_mesh_sdk::export!(__run, #start);
        };
    }
}

/// The same type where the function's own lifetime parameters are not in scope.
fn without_lifetimes(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter();
    let mut without = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(tick) if tick.as_char() == '\'' => {
                let name = tokens.next().map_or_else(String::new, |name| name.to_string());
                let lifetime = if name == "static" { "'static" } else { "'_" };
                without.extend(Lifetime::new(lifetime, tick.span()).into_token_stream());
            }
            TokenTree::Group(group) => {
                let inner = Group::new(group.delimiter(), without_lifetimes(group.stream()));
                without.extend([TokenTree::Group(inner)]);
            }
            token => without.extend([token]),
        }
    }
    without
}
