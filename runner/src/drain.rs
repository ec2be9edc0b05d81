//! From a signal to a graceful stop.
