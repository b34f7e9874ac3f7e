//! No text makes compiling or rendering panic; errors name a place; and what is
//! rendered without logic is what minijinja makes of the same text.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use onrush::feed::{Feed, Format, Order};
use onrush::template::{Moment, Part, Renderer, Template};
use onrush::time::{Nanos, WallClock};

fn render(template: Template) -> Result<Vec<u8>, String> {
    let mut renderer =
        Renderer::new(Arc::new(template), Part::Body, 7, WallClock::fixed(Nanos::from_secs(1_700_000_000)));
    let moment = Moment { index: 5, measured: true, user: 1, wave: Some(2), now: Nanos::ZERO };
    renderer.render(&moment).map(<[u8]>::to_vec).map_err(|e| e.to_string())
}

fuzz_target!(|text: &str| {
    // Loops within loops take as long as they are asked to.
    if text.matches("for").count() > 2 || text.contains("range") || text.contains('*') {
        return;
    }
    let csv = b"id,first-name\n1,\"A \"\"B\"\"\"\n2,c/d?\n".to_vec();
    let json = b"{\"n\":7.12340e7,\"l\":[8.7E5,{\"a b\":-0}],\"s\":\"x\"}".to_vec();
    let feeds = [("users", csv, Format::Csv), ("items", json, Format::JsonLines)]
        .map(|(name, bytes, format)| Feed::new(name, bytes, format, Order::Sequential))
        .map(|feed| Arc::new(feed.expect("it is well formed")));
    let template = match Template::compile("t", text, &feeds) {
        Ok(template) => template,
        Err(error) => {
            assert!(error.to_string().starts_with("t:"), "{error}");
            return;
        }
    };
    let is_compiled = template.how().starts_with("compiled");
    let rendered = render(template);
    if is_compiled {
        let logic = Template::compile("t", &format!("{{% if true %}}{{% endif %}}{text}"), &feeds);
        let logic = logic.unwrap_or_else(|e| panic!("{text:?} is compiled, and minijinja says {e}"));
        // Within a number or a text there is nothing; with logic it is an error to look for it.
        match render(logic) {
            Err(_) if rendered.is_ok() && text.contains("items") => {}
            with_logic => assert_eq!(rendered, with_logic, "{text:?}"),
        }
    }
});
