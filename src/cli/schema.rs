//! `contact-gateway schema`: prints the GraphQL schema.

use std::{fs, io::Write, path::PathBuf};

use clap::Args;

use super::CliError;
use crate::graphql;

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway schema > schema.graphql
  contact-gateway schema --check
  contact-gateway schema --federation > contacts.subgraph.graphql")]
pub(super) struct SchemaArgs {
    /// Compare with a file, and fail if it differs.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "schema.graphql")]
    check: Option<PathBuf>,
    /// Print the schema as a subgraph of Apollo Federation.
    #[arg(long)]
    federation: bool,
}

pub(super) fn run(args: &SchemaArgs, out: &mut impl Write) -> Result<(), CliError> {
    let schema = if args.federation { graphql::federation::subgraph_sdl() } else { graphql::sdl() };
    let Some(file) = &args.check else { return Ok(write!(out, "{schema}")?) };
    let path = file.display().to_string();
    let exported = fs::read_to_string(file).map_err(|error| CliError::File { path: path.clone(), error })?;
    if exported == schema { Ok(()) } else { Err(CliError::SchemaDiffers(path)) }
}
