//! The floors of ARCHITECTURE.md: who may import whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files of src, by what they may import.
struct Floors {
    floor: BTreeMap<String, u32>,
    /// On the same floor: (who, whom).
    within: BTreeSet<(String, String)>,
    /// Who stands beside the floors, and all that it may import.
    beside: BTreeMap<String, Vec<String>>,
}

impl Floors {
    fn parse(table: &str) -> Floors {
        let mut floors = Floors { floor: BTreeMap::new(), within: BTreeSet::new(), beside: BTreeMap::new() };
        for line in table.lines().filter(|line| !line.trim().is_empty()) {
            let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
            if let Some((who, whom)) = line.split_once(':') {
                floors.beside.insert(who.trim().into(), words(whom));
                continue;
            }
            let (number, modules) = line.trim().split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            for wing in modules.split('|') {
                let mut before: Vec<String> = Vec::new();
                for group in wing.split('<') {
                    for module in words(group) {
                        floors.within.extend(before.iter().map(|lower| (module.clone(), lower.clone())));
                        floors.floor.insert(module, number.parse().unwrap_or_else(|_| panic!("{line:?}")));
                    }
                    before.extend(words(group));
                }
            }
        }
        floors
    }

    fn allows(&self, who: &str, whom: &str) -> bool {
        if let Some(allowed) = self.beside.get(who) {
            return allowed.iter().any(|module| module == whom);
        }
        match (self.floor.get(who), self.floor.get(whom)) {
            (Some(own), Some(other)) => other < own || self.within.contains(&(who.into(), whom.into())),
            // Only those who print and start things know what stands beside.
            (Some(own), None) => *own == 6 && self.beside.contains_key(whom),
            (None, _) => false,
        }
    }

    fn knows(&self, module: &str) -> bool {
        self.floor.contains_key(module) || self.beside.contains_key(module)
    }
}

/// The block in ARCHITECTURE.md that begins with ```` ```floors ````: a line for each floor, and one for each module
/// beside them. A `|` parts wings, which do not import each other; behind a `<`, what is before it may be imported.
fn table() -> Floors {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, rest) = page.split_once("```floors\n").expect("the table of floors");
    Floors::parse(rest.split_once("```").expect("its end").0)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A source file without its comments.
#[derive(Clone)]
struct Source {
    path: PathBuf,
    /// The folder or file right under src.
    module: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root().join("src")).unwrap();
                let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
                let module = first.trim_end_matches(".rs").to_string();
                let text = fs::read_to_string(&path).unwrap();
                let code = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
                sources.push(Source { path, module, code });
            }
        }
    }
    assert!(sources.len() > 40, "the sources are found");
    sources
}

/// A URL in a string is no comment.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// The modules right under the crate that a source names: in `crate::a`, in `crate::{a, b::c}`, and in as many
/// `super::` as lead there.
fn imports(source: &Source) -> BTreeSet<String> {
    named_in(source, Path::new(""))
}

/// What a source below `folder` names of what is right in there.
fn named_in(source: &Source, folder: &Path) -> BTreeSet<String> {
    let relative = source.path.strip_prefix(root().join("src").join(folder)).unwrap();
    let depth = relative.components().count() - usize::from(source.path.ends_with("mod.rs"));
    // The tests at the end of a file are a module of their own, one further down.
    let (code, tests) = source.code.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&source.code, ""));
    let prefix: String = folder.iter().map(|part| format!("{}::", part.to_string_lossy())).collect();
    let mut starts: Vec<&str> = source.code.split(&format!("crate::{prefix}")).skip(1).collect();
    for (code, depth) in [(code, depth), (tests, depth + 1)] {
        let up = "super::".repeat(depth);
        // No further up than there.
        let starts_here = |at: usize| !code[..at].ends_with("super::") && !code[at + up.len()..].starts_with("super");
        starts.extend(code.match_indices(&up).filter(|(at, _)| starts_here(*at)).map(|(at, _)| &code[at + up.len()..]));
    }
    let mut modules = BTreeSet::new();
    for start in starts {
        match start.strip_prefix('{') {
            Some(list) => {
                let list = list.split("};").next().unwrap();
                let mut nested = 0;
                let top: String = list
                    .chars()
                    .filter(|c| {
                        nested += i32::from(*c == '{') - i32::from(*c == '}');
                        nested == 0
                    })
                    .collect();
                modules.extend(top.split(',').map(|item| identifier(item.trim())));
            }
            None => drop(modules.insert(identifier(start))),
        }
    }
    modules.retain(|module| module.starts_with(|c: char| c.is_ascii_lowercase()));
    modules
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn every_module_imports_from_lower_floors_only() {
    let floors = table();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.module != "lib") {
        assert!(floors.knows(&source.module), "{} has no floor", source.module);
        for module in imports(source) {
            if module != source.module && !floors.allows(&source.module, &module) {
                wrong.push(format!("{}: {} must not import {module}", source.path.display(), source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Who imports whom in `folder`, of what is right in there, with the sources that make it up.
fn arrows(sources: &[Source], folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let within = root().join("src").join(folder);
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.path.ends_with("tests.rs")) {
        let Ok(relative) = source.path.strip_prefix(&within) else { continue };
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
        let child = first.trim_end_matches(".rs").to_string();
        if !matches!(child.as_str(), "mod" | "lib" | "main") {
            let product = source.code.split("#[cfg(test)]\nmod tests {").next().unwrap().into();
            let product = Source { code: product, ..source.clone() };
            arrows.entry(child).or_default().extend(named_in(&product, folder));
        }
    }
    let children: BTreeSet<String> = arrows.keys().cloned().collect();
    for (child, named) in &mut arrows {
        named.retain(|other| other != child && children.contains(other));
    }
    arrows
}

/// A module that leads back to itself, and over whom.
fn circle(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn search(
        at: &str,
        arrows: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|module| module == at) {
            return Some(path[start..].to_vec());
        }
        if !done.contains(at) {
            path.push(at.into());
            let found = arrows[at].iter().find_map(|next| search(next, arrows, path, done));
            path.pop();
            done.insert(at.into());
            return found;
        }
        None
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|module| search(module, arrows, &mut Vec::new(), &mut done))
}

#[test]
fn no_folder_has_a_circle() {
    let sources = sources();
    let folders: BTreeSet<PathBuf> = sources
        .iter()
        .flat_map(|source| {
            source.path.strip_prefix(root().join("src")).unwrap().ancestors().skip(1).map(Path::to_path_buf)
        })
        .collect();
    assert!(folders.len() > 20, "{folders:?}");
    let circles = folders.iter().filter_map(|folder| Some((folder, circle(&arrows(&sources, folder))?)));
    assert_eq!(circles.collect::<Vec<_>>(), []);
}

#[test]
fn a_circle_is_found() {
    let arrows = |text: &str| -> BTreeMap<String, BTreeSet<String>> {
        let words = |text: &str| text.split_whitespace().map(String::from).collect();
        text.split(';').filter_map(|arrow| arrow.split_once('>')).map(|(who, whom)| (who.into(), words(whom))).collect()
    };
    assert_eq!(circle(&arrows("a>b c;b>c;c>")), None);
    assert_eq!(circle(&arrows("a>b;b>c d;c>;d>b")), Some(vec!["b".into(), "d".into()]));
}

/// Only the loop knows the five owners, and they do not know each other.
#[test]
fn the_owners_of_the_engine_do_not_know_each_other() {
    let arrows = arrows(&sources(), Path::new("engine"));
    let owners = ["exchange", "load", "meter", "pool", "users"];
    for owner in owners {
        assert_eq!(arrows[owner], BTreeSet::new(), "{owner}");
    }
    assert_eq!(arrows["shared"], BTreeSet::from(["load".to_string()]));
    let known: Vec<&str> = arrows["worker"].iter().map(String::as_str).collect();
    assert_eq!(known, ["exchange", "load", "meter", "pool", "shared", "users"]);
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    let source =
        |name: &str, code: &str| Source { path: root().join("src").join(name), module: "x".into(), code: code.into() };
    let found = |name, code| imports(&source(name, code)).into_iter().collect::<Vec<_>>();
    assert_eq!(
        found("engine/a.rs", "use crate::{plan::{Plan, Stop}, time::Nanos};\ncrate::net::f()"),
        ["net", "plan", "time"]
    );
    assert_eq!(found("engine/a.rs", "use super::b; use super::super::sink::C;"), ["sink"]);
    assert_eq!(found("engine/mod.rs", "use super::report::text;"), ["report"]);
    assert_eq!(found("run.rs", "use super::cli;"), ["cli"]);
    assert_eq!(
        found("net/a.rs", "#[cfg(test)]\nmod tests { use super::super::b; use super::super::super::cli; }"),
        ["cli"]
    );
    let floors = table();
    assert!(floors.allows("engine", "proto") && floors.allows("plan", "request") && floors.allows("cli", "serve"));
    for (who, whom) in [
        ("engine", "sink"),
        ("report", "engine"),
        ("stats", "proto"),
        ("request", "plan"),
        ("serve", "plan"),
        ("net", "serve"),
    ] {
        assert!(!floors.allows(who, whom), "{who} imports {whom}");
    }
}

/// Files outside of `places` that have one of these words.
fn elsewhere(words: &[&str], places: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !places.contains(&source.module.as_str())) {
        let has = words.iter().filter(|word| source.code.contains(**word));
        found.extend(has.map(|word| format!("{}: {word}", source.path.display())));
    }
    found
}

#[test]
fn the_clock_is_read_in_one_place() {
    assert_eq!(
        elsewhere(&["Instant::now", "SystemTime::now", "clock_gettime", "Zoned::now", "Timestamp::now"], &["time"]),
        [""; 0]
    );
}

#[test]
fn nothing_below_the_command_line_prints_or_exits() {
    let words = ["println!", "eprintln!", "print!", "stdout()", "stderr()", "process::exit", "process::abort"];
    assert_eq!(elsewhere(&words, &["cli", "main"]), [""; 0]);
}

#[test]
fn files_of_the_user_are_read_in_one_place() {
    let reads = ["fs::read(", "fs::write(", "File::open(", "File::create(", "read_to_end("];
    let is_reader = |source: &&Source| source.module == "cli" && !source.path.ends_with("cli/file.rs");
    let product = |source: &Source| source.code.split("#[cfg(test)]").next().unwrap_or_default().to_string();
    let sources = sources();
    let found = sources.iter().filter(is_reader).flat_map(|source| {
        let code = product(source);
        reads.iter().filter(move |word| code.contains(**word)).map(|word| format!("{}: {word}", source.path.display()))
    });
    // The keyboard.
    let found: Vec<String> = found.filter(|found| !found.contains("live/keys.rs: File::open(")).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_product_has_no_unsafe_code() {
    assert_eq!(elsewhere(&["unsafe "], &[]), [""; 0]);
}

#[test]
fn protocols_do_no_io() {
    let words = ["std::io", "std::net", "std::fs", "mio::", "socket2", "crate::net"];
    // Decoders read from memory, by the traits of `std::io`.
    let found =
        elsewhere(&words, &["cli", "decode", "engine", "net", "plan", "report", "run", "serve", "sink", "stats"]);
    assert_eq!(found, [""; 0]);
}
