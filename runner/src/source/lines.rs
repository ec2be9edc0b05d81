//! Reads lines: topics in memory, for a laptop without a broker.
