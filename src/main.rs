//! The binary: reads the command line and runs the command.

// The fields of `Query` come from a dozen objects, each an async block within another one: an optimised build looks into
// all of them.
#![recursion_limit = "256"]

use std::{io, process::ExitCode};

use clap::Parser;
use contact_gateway::{
    cli::{Cli, CliError},
    log,
};

// Half of the time of a nested query goes into allocations; this allocator makes them cheaper.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 0: done; 1: the command failed, or an import rejected rows; 2: the command line is wrong, or an import could not be done.
#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run(&mut io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output closed the pipe.
        Err(CliError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // If even the error cannot be written, the exit code still reports the failure.
            log::print_last(&format!("contact-gateway: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
