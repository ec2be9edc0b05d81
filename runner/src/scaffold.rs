//! Creates and builds function projects.
