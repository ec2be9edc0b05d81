//! Fetches the function's code.
