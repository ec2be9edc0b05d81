//! Values of the secrets a function was granted.
