//! Do the house rules hold? Which crate may see which (`arrows`), and what no file may contain
//! (`tidy`).

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

mod arrows;
mod listing;
mod tidy;
