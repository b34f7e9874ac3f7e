//! `onrush`: see `onrush --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    onrush::cli::main()
}
