//! What the compiler says about functions that cannot be one, and where.
//!
//! `TRYBUILD=overwrite cargo test -p function-mesh-sdk-macros` writes the expectations anew: check
//! that each error still points at the token that is wrong.

#[test]
fn mistakes_are_shown_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
