//! Where each result goes.
