//! Reads Pulsar topics with the stock client.
