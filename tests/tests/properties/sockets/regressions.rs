//! Trials that failed once.
