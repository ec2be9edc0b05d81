//! Joins the rooms: from a checked configuration to running instances.
