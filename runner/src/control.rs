//! Pulsar's InstanceControl service.
