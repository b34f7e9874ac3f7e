use proptest::prelude::*;

use super::tests::parsed;
use super::*;

/// Any text that an argument can be.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "(?s:[^\0]){0,8}"]
}

fn body() -> impl Strategy<Value = Body> {
    let kinds = [DataKind::Plain, DataKind::Raw, DataKind::Binary, DataKind::UrlEncode, DataKind::Json];
    let data = (prop::sample::select(kinds.to_vec()), text()).prop_map(|(kind, text)| Data { kind, text });
    prop_oneof![
        Just(Body::None),
        prop::collection::vec(data, 1..3).prop_map(Body::Data),
        prop::collection::vec(text(), 1..3).prop_map(Body::Form),
    ]
}

fn route() -> impl Strategy<Value = Route> {
    let some = || prop::option::of(text());
    let family = prop::option::of(prop::sample::select(vec![Family::V4, Family::V6]));
    let several = || prop::collection::vec(text(), 0..2);
    (any::<bool>(), some(), some(), some(), several(), several(), some(), family).prop_map(
        |(insecure, cacert, cert, key, connect_to, resolve, unix_socket, family)| Route {
            insecure,
            cacert,
            cert,
            key,
            connect_to,
            resolve,
            unix_socket,
            family,
        },
    )
}

fn any_command() -> impl Strategy<Value = Command> {
    let some = || prop::option::of(text());
    let headers = prop::collection::vec(text().prop_filter("a file", |text| !text.starts_with('@')), 0..3);
    let cookies = prop::collection::vec("[a-z ]=[ -~]{0,8}", 0..2);
    let referer = some().prop_filter("another each time", |text| !text.as_ref().is_some_and(|t| t.ends_with(";auto")));
    let versions = prop::option::of(prop::sample::select(vec![Version::V1_1, Version::V2, Version::V2Known]));
    let time = || prop::option::of((1..999_999_999_999_999_999u64).prop_map(Nanos));
    let request = ("http://[!-~]{1,12}", some(), any::<[bool; 5]>(), headers, body());
    let says = (prop::option::of("[ -~]{0,5}:[ -~]{0,5}"), some(), referer, cookies);
    let limits = (versions, time(), time(), prop::option::of(any::<u32>()));
    (request, says, limits, route()).prop_map(|(request, says, limits, route)| {
        let (url, method, [head, get, compressed, location, path_as_is], headers, body) = request;
        let (user, user_agent, referer, cookies) = says;
        let (version, max_time, connect_timeout, max_redirs) = limits;
        let (head, get) = (head && body == Body::None, get && !matches!(body, Body::Form(_)));
        Command {
            url,
            path_as_is,
            method,
            head,
            get,
            headers,
            body,
            user,
            user_agent,
            referer,
            cookies,
            compressed,
            version,
            route,
            max_time,
            connect_timeout,
            location,
            max_redirs,
        }
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(command in any_command()) {
        let line = command.line();
        prop_assert!(!line.contains(['\n', '\r']), "{line:?}");
        prop_assert_eq!(parsed(&line), Ok(Parsed { command, notes: vec![] }));
    }

    #[test]
    fn no_text_panics_or_makes_two_lines_of_an_error(
        text in "curl( -[a-zA-Z#0-9]{1,3}| --[a-z-]{1,9}| [-a-z$'\"\\\\\n:=./@&]{0,9}){0,6}|(?s:.){0,20}",
    ) {
        match parsed(&text) {
            Err(error) => prop_assert!(!error.contains(['\n', '\r']), "{error:?}"),
            Ok(Parsed { command, .. }) => prop_assert_eq!(parsed(&command.line()).unwrap().command, command),
        }
    }
}
