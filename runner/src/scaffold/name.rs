//! What a function may be called: a package's name for cargo, an item's name in Rust.

use super::ScaffoldError;

/// Names that cargo or Rust keep for themselves.
const TAKEN: [&str; 62] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "main",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "tests",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The name of the Rust function in a project called `name`.
///
/// # Errors
/// `name` cannot be a package's name; says why.
pub(super) fn function_name(name: &str) -> Result<String, ScaffoldError> {
    let refused =
        |why: &str| Err(ScaffoldError::Name { name: name.to_owned(), why: why.to_owned() });
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return refused("it begins with a letter, a to z");
    }
    if let Some(other) = name.chars().find(|&c| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
    {
        return refused(&format!("it has letters, digits, - and _, not '{other}'"));
    }
    let function = name.replace('-', "_").to_ascii_lowercase();
    if TAKEN.contains(&function.as_str()) || function.starts_with("function_mesh_sdk") {
        return refused("that word means something else to Rust or cargo");
    }
    Ok(function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_rust_function() {
        assert_eq!(function_name("word-count").unwrap(), "word_count");
        assert_eq!(function_name("Orders2").unwrap(), "orders2");
    }

    #[test]
    fn an_error_says_what_a_name_is() {
        let why = |name| function_name(name).unwrap_err().to_string();
        assert_eq!(why(""), "'' is no name for a function: it begins with a letter, a to z");
        assert_eq!(why("2nd"), "'2nd' is no name for a function: it begins with a letter, a to z");
        assert_eq!(
            why("../orders"),
            "'../orders' is no name for a function: it begins with a letter, a to z"
        );
        assert_eq!(
            why("or/ders"),
            "'or/ders' is no name for a function: it has letters, digits, - and _, not '/'"
        );
        for taken in ["match", "test", "Self", "proc-macro", "function-mesh-sdk"] {
            assert!(why(taken).ends_with("means something else to Rust or cargo"), "{taken}");
        }
    }
}
