//! What minijinja itself makes of a literal or a name.

use minijinja::Environment;

/// The text that a literal means, quotes and escapes included.
pub(super) fn text(literal: &str) -> Option<String> {
    let environment = Environment::empty();
    let value = environment.compile_expression(literal).ok()?.eval(()).ok()?;
    value.as_str().map(String::from)
}

/// minijinja itself has this function, as `range`.
pub(super) fn has_function(name: &str) -> bool {
    Environment::new().globals().any(|(known, _)| known == name)
}
