//! Keeps what was published, for tests.
