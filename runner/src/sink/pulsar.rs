//! Publishes to Pulsar topics with the stock client.
