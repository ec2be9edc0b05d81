//! Which schema an input or output registers.
