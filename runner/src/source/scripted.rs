//! A fixed list of entries, for tests.
