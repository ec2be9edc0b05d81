//! State by key.
