//! The data path: read, invoke, route, publish, settle.
