//! Reads what the function is and how this instance runs, or says everything that is wrong with it.
