//! The built-in JSON body.
