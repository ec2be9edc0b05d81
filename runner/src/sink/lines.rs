//! Writes lines to standard output.
