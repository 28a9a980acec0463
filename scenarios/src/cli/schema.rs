//! `windtunnel schema`.

use super::{
    arguments::{self, SchemaOf},
    exit::{Exit, Failure},
};
use crate::format::{GatewayFile, schema as of_scenarios};
use std::io::{self, Write};

/// Prints the JSON Schema of scenario files, or of a gateway's.
pub fn schema(arguments: &arguments::Schema) -> Result<Exit, Failure> {
    let schema = match arguments.of {
        SchemaOf::Scenario => of_scenarios(),
        SchemaOf::Gateway => GatewayFile::schema(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(io::Error::from)?;
    writeln!(io::stdout(), "{text}")?;
    Ok(Exit::Held)
}
