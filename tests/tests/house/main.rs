//! Do the house rules hold? Which crate may see which (`arrows`), and what no file may contain
//! (`tidy`), whether the page of edge cases names tests that exist (`edge_cases`).

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

mod arrows;
mod edge_cases;
mod listing;
mod tidy;
