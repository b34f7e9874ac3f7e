//! Whatever a server answers as a Location (here behind the first line, which is
//! the base), what is resolved can be sent; outlines are as long as their texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::template::outline;
use onrush::uri::{Parts, encoded, has_dot_segments, resolve, without_dot_segments};

fuzz_target!(|text: &str| {
    let (base, reference) = text.split_once('\n').unwrap_or(("", text));
    let base = format!("/{}", encoded(base));
    if let Some(resolved) = resolve("http", &base, reference) {
        let path = &resolved.path;
        assert!(path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'#'), "{path:?}");
        assert_eq!(encoded(path), *path);
    }
    let kept = |path: &str| without_dot_segments(path).into_iter().map(|range| &path[range]).collect::<String>();
    let once = kept(&base);
    assert_eq!(kept(&once), once);
    assert!(base.contains('?') || base.contains('%') || !has_dot_segments(&once), "{once}");
    let text = outline(reference);
    assert_eq!(text.len(), reference.len());
    if let Some(parts) = Parts::of(&text) {
        let end = parts.query.end;
        assert!(parts.authority.end == parts.path.start && parts.path.end == parts.query.start, "{parts:?}");
        assert!(end == text.len() || text.as_bytes()[end] == b'#', "{parts:?}");
        let _ = (&reference[parts.path], &reference[parts.query]);
    }
});
