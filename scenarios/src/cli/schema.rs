//! `windtunnel schema`.

use super::exit::{Exit, Failure};
use std::io::{self, Write};

/// Prints the JSON Schema of scenario files.
pub fn schema() -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&crate::format::schema()).map_err(io::Error::from)?;
    writeln!(io::stdout(), "{text}")?;
    Ok(Exit::Held)
}
