//! Any text is refused on one line, or is a command of curl that is the same
//! when it is printed and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::curl::{Parsed, parse, split};

fuzz_target!(|text: &str| {
    match split(text).and_then(|words| parse(&words)) {
        Err(error) => assert!(!error.is_empty() && !error.contains(['\n', '\r']), "{error:?}"),
        Ok(Parsed { command, .. }) => {
            let line = command.line();
            // Text that the shell passes on as it is may hold a NUL here, and in no argument.
            if !text.contains('\0') {
                let again = split(&line).and_then(|words| parse(&words));
                assert_eq!(again, Ok(Parsed { command, notes: vec![] }), "{line}");
            }
        }
    }
});
