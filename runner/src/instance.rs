//! One running copy of the function.
