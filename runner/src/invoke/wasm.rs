//! Runs a WebAssembly component.
