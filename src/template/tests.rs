//! The built-in template, templates with and without logic, and their errors.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::Value as Json;
use uuid::{Uuid, Variant};

use super::sample::Tags;
use super::words::{COUNTRIES, DEVICES, FIRST_NAMES, LAST_NAMES, SEGMENTS, TAGS, Word};
use super::*;

/// Renders one template: the time of day is 2026-11-23T03:34:42.123Z at the monotonic instant zero.
struct Source(Renderer);

impl Source {
    fn write(&mut self, index: u64, now: Nanos, out: &mut Vec<u8>) {
        let moment = Moment { index, measured: true, user: 3, wave: Some(2), now };
        out.extend_from_slice(self.0.render(&moment).unwrap());
    }
}

fn source_of(template: Template, seed: u64) -> Source {
    let clock = WallClock::fixed(Nanos(1_795_404_882_123_000_000));
    Source(Renderer::new(Arc::new(template), Part::Body, seed, clock))
}

fn source(seed: u64) -> Source {
    source_of(Template::built_in(), seed)
}

fn body(seed: u64, index: u64) -> String {
    let mut out = Vec::new();
    source(seed).write(index, Nanos::ZERO, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_stream_of_a_seed_does_not_change() {
    let expected = [
        r#"{"request_id":7,"guid":"6f15f55f-e702-4ed2-92f6-cc95f4ed624b","timestamp":"2026-11-23T03:34:42.123Z","#,
        r#""user":{"id":9894504,"name":"Jan Lee","email":"jan.lee@example.net","segment":"premium","country":"BE"},"#,
        r#""session":{"id":"8e78378fdb49fb53","device":"desktop","duration_s":191},"#,
        r#""metrics":{"latency_ms":1499.185,"cpu_pct":43.4,"memory_mb":13978,"score":0.6849,"amount":8640.18,"#,
        r#""temperature_c":7.8},"#,
        r#""features":[0.9487,0.2362,-0.8590,-0.0438,-0.3328,-0.6721,-0.9195,-0.9005],"#,
        r#""tags":["core","cloud"]}"#,
    ];
    assert_eq!(body(42, 7), expected.concat());
}

#[test]
fn ten_thousand_bodies_are_json_and_no_two_share_a_guid() {
    let mut source = source(1);
    let mut out = Vec::new();
    let mut guids = HashSet::new();
    for index in 0..10_000 {
        out.clear();
        source.write(index, Nanos::from_micros(index * 10), &mut out);
        let body: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(body["request_id"], index);
        let guid = Uuid::parse_str(body["guid"].as_str().unwrap()).unwrap();
        assert_eq!((guid.get_version_num(), guid.get_variant()), (4, Variant::RFC4122));
        assert_eq!(guid.to_string(), body["guid"], "canonical form");
        assert!(guids.insert(guid), "guid {guid} occurs twice");
    }
}

#[test]
fn fields_have_their_types_and_ranges() {
    let whole = |v: &Json, low: u64, high: u64| (low..=high).contains(&v.as_u64().unwrap());
    let real = |v: &Json, low: f64, high: f64| (low..=high).contains(&v.as_f64().unwrap());
    let known = |v: &Json, words: &[Word]| words.iter().any(|w| text(w) == *v);
    for index in 0..2_000 {
        let body: Json = serde_json::from_str(&body(3, index)).unwrap();
        let Json::Object(fields) = &body else { panic!("not an object: {body}") };
        assert_eq!(fields.len(), 8);

        let user = &body["user"];
        assert!(whole(&user["id"], 1_000_000, 9_999_999));
        let (first, last) = user["name"].as_str().unwrap().split_once(' ').unwrap();
        let (mailbox, domain) = user["email"].as_str().unwrap().split_once('@').unwrap();
        assert_eq!(mailbox, format!("{first}.{last}").to_lowercase());
        assert!(["example.com", "example.org", "example.net"].contains(&domain));
        assert!(known(&user["segment"], &SEGMENTS));
        assert!(COUNTRIES.iter().any(|c| str::from_utf8(c).unwrap() == user["country"]));

        let session = &body["session"];
        let id = session["id"].as_str().unwrap();
        assert!(id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        assert!(known(&session["device"], &DEVICES));
        assert!(whole(&session["duration_s"], 1, 7200));

        let metrics = &body["metrics"];
        assert!(real(&metrics["latency_ms"], 0.0, 2000.0));
        assert!(real(&metrics["cpu_pct"], 0.0, 100.0));
        assert!(whole(&metrics["memory_mb"], 64, 16_384));
        assert!(real(&metrics["score"], 0.0, 1.0));
        assert!(real(&metrics["amount"], 0.0, 10_000.0));
        assert!(real(&metrics["temperature_c"], -20.0, 45.0));

        let features = body["features"].as_array().unwrap();
        assert!(features.len() == 8 && features.iter().all(|f| real(f, -1.0, 1.0)));

        let tags = body["tags"].as_array().unwrap();
        assert!((2..=4).contains(&tags.len()) && tags.iter().all(|t| TAGS.iter().any(|w| text(w) == format!("{t},"))));
        assert_eq!(tags.iter().collect::<HashSet<_>>().len(), tags.len(), "{tags:?}");
    }
}

#[test]
fn numbers_spread_over_their_ranges() {
    let draws: Vec<Fields> = (0..10_000).map(|index| Fields::draw(5, index)).collect();
    let mean = |of: fn(&Fields) -> i32| draws.iter().map(|f| f64::from(of(f))).sum::<f64>() / 1e4;
    // The middle of the range, give or take five standard errors (0.289 / 100 of the width).
    let close = |mean: f64, low: f64, high: f64| (mean - (low + high) / 2.0).abs() < 0.0145 * (high - low);
    assert!(close(mean(|f| f.latency_us as i32), 0.0, 2e6));
    assert!(close(mean(|f| f.temperature_tenths), -200.0, 450.0));
    assert!(close(mean(|f| f.tags.step as i32), 1.0, 31.0));
    assert!(close(mean(|f| f.features_e4[0][0]), -1e4, 1e4));
    assert!(close(mean(|f| f.features_e4[1][1]), -1e4, 1e4));
    assert!(close(mean(|f| f.features_e4[3][1]), -1e4, 1e4));
}

/// Every field adds its length whatever the others are, so these two bound all bodies.
#[test]
fn the_shortest_and_the_longest_body_keep_to_the_promised_size() {
    let by_len = |words: &'static [Word]| {
        let shortest = words.iter().min_by_key(|w| w.len).unwrap();
        (shortest, words.iter().max_by_key(|w| w.len).unwrap())
    };
    let [first, last, segment, device] =
        [by_len(&FIRST_NAMES), by_len(&LAST_NAMES), by_len(&SEGMENTS), by_len(&DEVICES)];
    let shortest = Fields {
        first_name: first.0,
        last_name: last.0,
        segment: segment.0,
        device: device.0,
        user_id: 1_000_000,
        duration_s: 1,
        latency_us: 0,
        cpu_permille: 0,
        memory_mb: 64,
        amount_cents: 0,
        temperature_tenths: 0,
        features_e4: [[0; 2]; 4],
        ..Fields::draw(0, 0)
    };
    let longest = Fields {
        first_name: first.1,
        last_name: last.1,
        segment: segment.1,
        device: device.1,
        user_id: 9_999_999,
        duration_s: 7200,
        latency_us: 2_000_000,
        cpu_permille: 1000,
        memory_mb: 16_384,
        amount_cents: 1_000_000,
        temperature_tenths: -200,
        features_e4: [[-9_999; 2]; 4],
        ..Fields::draw(0, 0)
    };
    // The rest of the body, with the shortest and the longest index.
    let rest = |index: u64| {
        let segments = built_in_segments();
        let length = |value: &Value| match value {
            Value::Index => index.to_string().len(),
            Value::Now => 24,
            _ => 0,
        };
        let values = segments.values.iter().map(|segment| segment.text.len() + length(&segment.value));
        segments.end.len() + values.sum::<usize>()
    };
    let size = |fields: Fields| {
        let fields = sample::Field::ALL.map(|(_, field)| fields.write(field, &mut [0; buffer::VALUE]));
        fields.iter().sum::<usize>()
    };
    let all_tags = |count| {
        let walks = (0..TAGS.len()).flat_map(move |first| (1..32).step_by(2).map(move |step| (first, step)));
        walks.map(move |(first, step)| Tags { count, first, step })
    };
    let min = all_tags(2).map(|tags| rest(0) + size(Fields { tags, ..shortest })).min();
    let max = all_tags(4).map(|tags| rest(u64::MAX) + size(Fields { tags, ..longest })).max();
    assert_eq!((min, max), (Some(469), Some(569)));
}

#[test]
fn a_body_does_not_depend_on_what_was_written_before() {
    let mut source = source(9);
    let mut out = Vec::new();
    for index in [5, 0, u64::MAX, 5, 1] {
        let start = out.len();
        source.write(index, Nanos::ZERO, &mut out);
        assert_eq!(str::from_utf8(&out[start..]).unwrap(), body(9, index));
    }
}

#[test]
fn the_timestamp_is_the_wall_clock_at_the_given_instant() {
    let mut source = source(1);
    for (now, text) in [
        (Nanos::ZERO, "2026-11-23T03:34:42.123Z"),
        (Nanos(999_999), "2026-11-23T03:34:42.123Z"),
        (Nanos::from_millis(877), "2026-11-23T03:34:43.000Z"),
        (Nanos::from_millis(876), "2026-11-23T03:34:42.999Z"),
    ] {
        let mut out = Vec::new();
        source.write(0, now, &mut out);
        assert_eq!(serde_json::from_slice::<Json>(&out).unwrap()["timestamp"], text);
    }
}

proptest! {
    #[test]
    fn any_seed_and_index_give_one_body_of_the_promised_size(seed: u64, index: u64, now: u64) {
        let text = body(seed, index);
        prop_assert!((450..=600).contains(&text.len()), "{} bytes", text.len());
        prop_assert_eq!(&text, &body(seed, index));
        prop_assert_ne!(&text, &body(seed.wrapping_add(1), index));
        prop_assert_ne!(&text, &body(seed, index.wrapping_add(1)));

        let mut out = b"before".to_vec();
        source(seed).write(index, Nanos(now), &mut out);
        let parsed: Json = serde_json::from_slice(out.strip_prefix(b"before").unwrap()).unwrap();
        prop_assert_eq!(parsed["request_id"].as_u64(), Some(index));
    }
}

fn text(word: &Word) -> &str {
    str::from_utf8(&word.padded[..word.len.into()]).unwrap()
}

/// The built-in template as any other would be compiled.
fn as_segments() -> Template {
    Template { program: Program::Segments(built_in_segments()), ..Template::built_in() }
}

#[test]
fn the_built_in_template_is_compiled_by_hand_also_where_a_file_has_it() {
    for template in [Template::built_in(), Template::compile("t", BUILT_IN.trim_end(), &[]).unwrap()] {
        assert!(matches!(template.program, Program::BuiltIn(_)));
    }
    let (mut by_hand, mut by_text) = (source(3), source_of(as_segments(), 3));
    let mut logic = source_of(Template::compile("t", &format!("{{% if 1 %}}{{% endif %}}{BUILT_IN}"), &[]).unwrap(), 3);
    for index in (0..2_000).chain([u64::MAX]) {
        let mut bodies = [Vec::new(), Vec::new(), Vec::new()];
        for (source, body) in [&mut by_hand, &mut by_text, &mut logic].into_iter().zip(&mut bodies) {
            source.write(index, Nanos(index % 1_000_000_007), body);
        }
        assert_eq!(str::from_utf8(&bodies[0]), str::from_utf8(&bodies[1]));
        assert_eq!(bodies[0], bodies[2]);
    }
}

fn feeds() -> Vec<Arc<Feed>> {
    let csv =
        b"id,name,first-name,a.b\n1,Ada \"A\" L\xc3\xb6w,Ada,1\n2,\"O'Neil, Zo\xc3\xab\",Zo,2\n3,x/y?z,x,3\n".to_vec();
    let json = "{\"n\":1,\"f\":2.5,\"b\":true,\"s\":\"a\\\"b\",\"o\":{\"k\":[1, 2]},\"z\":null}\n\
        {\"n\":-7,\"f\":1e21,\"s\":\"\"}\n{\"n\":1.10,\"f\":-0,\"o\":{\"k\":[1E5,0.1234567890123456789],\"x y\":20.0}}\n{}\n";
    let csv = Feed::new("users", csv, crate::feed::Format::Csv, Order::Random).unwrap();
    let json = Feed::new("items", json.into(), crate::feed::Format::JsonLines, Order::Sequential).unwrap();
    vec![Arc::new(csv), Arc::new(json)]
}

/// The same text through minijinja, which an empty statement demands.
fn with_logic(text: &str) -> Template {
    let template = Template::compile("t", &format!("{{% if true %}}{{% endif %}}{text}"), &feeds()).unwrap();
    assert!(matches!(template.program, Program::Logic(..)));
    template
}

fn rendered(template: Template, seed: u64, index: u64) -> String {
    let mut out = Vec::new();
    source_of(template, seed).write(index, Nanos::ZERO, &mut out);
    String::from_utf8(out).unwrap()
}

/// What may stand between braces.
fn value_text() -> impl Strategy<Value = String> {
    let fixed = [
        "index",
        "user_number",
        "wave",
        "seed",
        "uuid()",
        "now()",
        "timestamp_ms()",
        "word()",
        "name()",
        "email()",
        "users.id",
        "users.name",
        "items.n",
        "items.f",
        "items.b",
        "items.s",
        "items.o",
        "items.o.k",
        "items.z",
        "items.none",
        "items['n']",
        "items [ \"o\" ] . k",
        "items.o['x y']",
        "users['first-name']",
        "users[\"a.b\"]",
        "'a\\'\\n\\u00e4'",
        "items|json",
        "sample.guid",
        "sample.score",
        "sample.tags",
        "sample.temperature_c",
        "\"a'b\"",
        "'\u{e4}\"'",
        "12",
        "-3.50",
        "pick('a', \"b\", 3, 2.0)",
        "float(0, 1)",
    ];
    let int = (any::<i64>(), any::<i64>()).prop_map(|(a, b)| format!("int({}, {})", a.min(b), a.max(b)));
    let float =
        (-9_999i64..9_999, 0i64..9_999, 0u32..=8).prop_map(|(a, b, d)| format!("float({}.25, {}, {d})", a, a + b + 1));
    let long =
        (1u32..80, any::<bool>()).prop_map(|(n, hex)| if hex { format!("hex({n})") } else { format!("base64({n})") });
    let filters = prop::collection::vec(prop::sample::select(vec!["json", "urlencode", "upper", "lower"]), 0..3);
    let value =
        prop_oneof![8 => prop::sample::select(fixed.to_vec()).prop_map(String::from), 1 => int, 1 => float, 1 => long];
    (value, filters)
        .prop_map(|(value, filters)| filters.iter().fold(value, |value, filter| format!("{value} | {filter}")))
}

/// Templates without logic.
fn template_text() -> impl Strategy<Value = String> {
    let tag = (
        value_text(),
        prop::sample::select(vec![("{{", "}}"), ("{{ ", " }}"), ("{{- ", " -}}"), ("{#", "#}"), ("{#-", "-#}")]),
    )
        .prop_map(|(value, (open, close))| format!("{open}{value}{close}"));
    prop::collection::vec(
        prop_oneof![tag, "[a-z {}\"\\r\\n\u{e4}]{0,12}".prop_map(|text| text.replace("{{", "").replace("{#", ""))],
        0..8,
    )
    .prop_map(|parts| parts.join(" "))
}

proptest! {
    #[test]
    fn with_and_without_logic_the_same_is_written(text in template_text(), seed: u64, index in 0u64..1_000_000) {
        let template = Template::compile("t", &text, &feeds()).unwrap();
        prop_assert!(matches!(template.program, Program::Segments(_)), "{}", template.how());
        prop_assert_eq!(rendered(template, seed, index), rendered(with_logic(&text), seed, index));
    }

    #[test]
    fn what_is_written_is_a_function_of_template_seed_and_index(text in template_text(), seed: u64, others in prop::collection::vec(any::<u64>(), 0..5)) {
        let compile = || Template::compile("t", &text, &feeds()).unwrap();
        let alone = rendered(compile(), seed, 7);
        let mut source = source_of(compile(), seed);
        others.iter().for_each(|&index| source.write(index, Nanos::ZERO, &mut Vec::new()));
        let mut out = Vec::new();
        source.write(7, Nanos::ZERO, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), alone);
    }

    #[test]
    fn no_text_makes_compiling_panic(text in "([a-z{}%#\" .()|,0-9\\n-]|\\{\\{ ?|\\}\\}|\u{e4}){0,30}") {
        if let Err(error) = Template::compile("t", &text, &feeds()) {
            prop_assert!(error.to_string().starts_with("t:"));
        }
    }
}

#[test]
fn values_are_as_documented() {
    let one = |text: &str| rendered(Template::compile("t", text, &feeds()).unwrap(), 1, 4);
    assert_eq!(one("{{ index }} {{ user_number }} {{ wave }} {{ seed }}"), "4 3 2 1");
    assert_eq!(one("{{ now() }} {{ timestamp_ms() }}"), "2026-11-23T03:34:42.123Z 1795404882123");
    assert_eq!(one("{{ int(7, 7) }}{{ float(0.5, 0.5, 3) }}{{ pick('a') | upper }}"), "70.5A");
    assert_eq!(one("{{ hex(5) }}").len(), 5);
    assert_eq!(one("{{ base64(32) }}").len(), 44);
    assert!(Uuid::parse_str(&one("{{ uuid() }}")).is_ok());
    assert_eq!(
        one("{{ items.s | json }} {{ items.n }} {{ items.b }} {{ items.f }} {{ items.z }}"),
        "\"a\\\"b\" 1 true 2.5 null"
    );
    assert_eq!(
        one("{{ items | json }}"),
        "{\"n\":1,\"f\":2.5,\"b\":true,\"s\":\"a\\\"b\",\"o\":{\"k\":[1, 2]},\"z\":null}"
    );
    assert_eq!(one("a\n{#- gone -#}\nb\n"), "ab");
    assert_eq!(["a\n", "a\r\n", "a\r", "a\n\n"].map(one), ["a", "a", "a", "a\n"]);
    assert_eq!(one("{% for i in range(3) %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}"), "0,1,2");
    assert_eq!(one("{% if items.n > 0 and items.o.k[1] == 2 %}yes{% endif %}"), "yes");
    assert_eq!(one("{% set all = {'o': items.o, 'n': items.n} %}{{ all | json }}"), "{\"n\":1,\"o\":{\"k\":[1,2]}}");
    assert!(!one("{{ users.name | urlencode }}").contains(['"', ' ', '\'', '?']));
}

#[test]
fn numbers_of_rows_are_written_as_they_are_spelt_with_logic_too() {
    let row = "{\"n\":1.10,\"e\":1E5,\"zero\":-0,\"wide\":123456789012345678901234567890123456789012345,\"u\":18446744073709551616,\
        \"long\":0.12345678901234567890,\"plain\":1.1,\"l\":[1.10,{\"m\":2.50}],\"o\":{\"a.b\":3.00}}";
    let feed = Feed::new("f", row.into(), crate::feed::Format::JsonLines, Order::Sequential).unwrap();
    let feeds = [Arc::new(feed)];
    for (text, expected) in [
        (
            "{{ f.n }} {{ f.e | json }} {{ f.zero }} {{ f.wide }} {{ f.u }}",
            "1.10 1E5 -0 123456789012345678901234567890123456789012345 18446744073709551616",
        ),
        ("{{ f.long | json }} {{ f.l }} {{ f.o | json }}", "0.12345678901234567890 [1.10,{\"m\":2.50}] {\"a.b\":3.00}"),
        ("{{ f.l[0] }} {{ f.l[1].m }} {{ f.l[-1]['m'] }} {{ f.l[7] }} {{ f.o['a.b'] }}", "1.10 2.50 2.50 null 3.00"),
        (
            "{% for x in f.l %}{{ x }};{% endfor %}{% for k in f.o %}{{ k }}={{ f.o[k] }}{% endfor %}",
            "1.10;{\"m\":2.50};a.b=3.00",
        ),
        (
            "{% set n = f.n %}{{ n }} {{ n > 1 and n < 1.2 }} {{ n == 1.1 }} {{ n + 1 }} {{ f.e == 100000 }} {{ f.u - 1 }}",
            "1.10 true true 2.1 true 18446744073709551615",
        ),
        (
            "{{ [f.n, f.e, {'z': f.zero}] | json }} {{ [f.n, f.e] | join(', ') }} {{ f.long | string }}",
            "[1.10,1E5,{\"z\":-0}] 1.10, 1E5 0.12345678901234567890",
        ),
        ("{{ f.n }} {{ f.plain }} {{ f.n }} {{ [f] | json == f | json }}", "1.10 1.1 1.10 false"),
        (
            "{{ [f.l, f.o, 1 < 2, none, 'a\\n', sample] | length }} {{ {'a': [true, none, 'b\"']} | json }}",
            "6 {\"a\":[true,null,\"b\\\"\"]}",
        ),
    ] {
        for text in [text.to_string(), format!("{{% if true %}}{{% endif %}}{text}")] {
            assert_eq!(rendered(Template::compile("t", &text, &feeds).unwrap(), 1, 0), expected, "{text}");
        }
    }
    let whole = Template::compile("t", "{% if true %}{{ [row] | json }}{% endif %}", &feeds).unwrap();
    assert_eq!(rendered(whole, 1, 0), format!("[{row}]"));
}

#[test]
fn rows_and_the_sample_can_be_gone_through() {
    let one = |text: &str| {
        let mut renderer = source_of(Template::compile("t", text, &feeds()).unwrap(), 1).0;
        let moment = Moment { index: 0, measured: true, user: 0, wave: None, now: Nanos::ZERO };
        String::from_utf8(renderer.render(&moment).unwrap().to_vec()).unwrap()
    };
    for (text, expected) in [
        ("{% for key in users %}{{ key }};{% endfor %}", "id;name;first-name;a.b;"),
        ("{% for key in items %}{{ key }};{% endfor %}", "n;f;b;s;o;z;"),
        (
            "{% for key, value in items | items %}{{ key }}={{ value }};{% endfor %}",
            "n=1;f=2.5;b=true;s=a\"b;o={\"k\":[1, 2]};z=null;",
        ),
        ("{% if users and items and sample %}yes{% endif %}", "yes"),
        ("{{ users | length }} {{ items | length }} {{ sample | length }}", "4 6 17"),
        ("{% for key in sample %}{% if sample[key] is undefined %}{{ key }}{% endif %}{% endfor %}", ""),
        ("{{ range(3) | join }} {{ range(2)[1] }}", "012 1"),
    ] {
        assert_eq!(one(text), expected, "{text}");
    }
}

#[test]
fn columns_that_are_not_there_are_told_with_logic_too() {
    for (text, message) in [
        ("{{ users.mail }}", "t:1:28: the feed 'users' has no column 'mail': it has id, name"),
        ("{{ users['e-mail'] | upper }}", "the feed 'users' has no column 'e-mail': it has id, name"),
        ("{{ 1 == users.mail }}", "the feed 'users' has no column 'mail': it has id, name"),
        ("{% if users['\\n'] %}{% endif %}", "the feed 'users' has no column '\\n': it has id, name"),
        ("{{ other.mail }}", "undefined value"),
        ("{{ users | json }}", "users is a row of CSV: write users.column for one of its values"),
        ("{% set one = items %}{{ one }}", "a row as a whole is {{ row | json }}"),
        ("{% set one = users %}{{ one }}", "users is a row of CSV: write users.column for one of its values"),
    ] {
        let mut renderer = source_of(with_logic(text), 1).0;
        let moment = Moment { index: 0, measured: true, user: 3, wave: Some(2), now: Nanos::ZERO };
        let error = renderer.render(&moment).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
        assert_eq!(error.lines().count(), 3, "{error}");
    }
}

#[test]
fn errors_show_the_place() {
    let error = |text: &str| Template::compile("body.json", text, &feeds()).unwrap_err().to_string();
    assert_eq!(
        error("{\n  \"id\": \"{{ uid() }}\"\n}"),
        "body.json:2:13: there is no function 'uid': there are uuid, now, timestamp_ms, int, float, pick, word, \
         name, email, hex, base64\n    \"id\": \"{{ uid() }}\"\n              ^"
    );
    for (text, message) in [
        ("{{ users.mail }}", "t:1:10: the feed 'users' has no column 'mail': it has id, name, first-name, a.b"),
        ("{{ user.name }}", "there is no feed 'user'"),
        ("{{ users['e-mail'] }}", "t:1:10: the feed 'users' has no column 'e-mail': it has id, name, first-name, a.b"),
        ("{{ users['\\n'] }}", "the feed 'users' has no column '\\n': it has id"),
        ("{{ users[0] }}", "the feed 'users' has no column '0': it has id"),
        ("{{ sample['age'] }}", "the sample has no 'age': it has guid"),
        ("{{ row.name }}", "there are several feeds: name one of users, items"),
        ("{{ users }}", "users is a row of CSV: write users.column"),
        ("{{ items }}", "a row as a whole is {{ row | json }}"),
        ("{{ int(5, 1) }}", "the first number is to be the smaller one"),
        ("{{ int(1) }}", "int is written int(low, high), as in int(1, 100)"),
        ("{{ hex(0) }}", "hex(digits) takes 1 to 65536"),
        ("{{ uuid }}", "uuid is a function: write uuid()"),
        ("{{ nothing }}", "there is no value 'nothing': there are index"),
        ("{{ sample.age }}", "the sample has no 'age': it has guid"),
        ("{# open", "this comment does not end"),
        ("{{ index", "t:1:"),
        ("{% if %}", "t:1:"),
        ("{% for x in y %}", "t:1:"),
    ] {
        let error = error(text).replace("body.json", "t");
        assert!(error.contains(message), "{text}: {error}");
        assert_eq!(error.lines().count(), 3, "{error}");
    }
}
