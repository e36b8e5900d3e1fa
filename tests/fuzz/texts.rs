//! What people, hooks and clients write: configuration, manifests, addresses, paths.

use boathook::config::{self, Sources, manifest};
use boathook::router::{Address, Binding, Path, Router, uncovered};
use http::Method;

use super::mutate::{Random, mutate};
use super::run::run;

const CONFIG: &str = r#"listen = "127.0.0.1:8080"
trust_proxy = ["10.0.0.0/8", "loopback"]
hook_timeout = "10s"
drain = "30s"
limits = { cpu = "100ms", memory = "64MiB", exchange = "30s" }
log.level = "info"
[http]
max_headers = 100
max_header_bytes = "16KiB"
header_timeout = "10s"
[hooks.rate-limit]
after = ["orm"]
mode = "single"
on_failure = "skip"
limits = { fuel = 10_000_000, instances = 4 }
grants = { files = ["data"] }
[installed."@acme/sails-hook-pony"]
path = "node_modules/pony"
config_key = "pony"
[[routes]]
address = "GET /users/:id"
upstream = "http://127.0.0.1:9000"
[[routes]]
address = "/*"
directory = "public"
[[routes]]
address = "POST r|^/x/(\\d+)$|id"
hook = "orm"
action = "find"
[[routes]]
address = "/old"
redirect = "/new"
[custom]
"a.b" = [1, 2.5, 1979-05-27T07:32:00Z, inf, nan, -0, 0xff]
"#;

const MANIFEST: &str = "manifest_version = 1\nname = \"fuzz\"\nversion = \"1.2.3\"\n\
    description = 'x'\nafter = ['orm']\nmode = \"pooled\"\nconfig_key = \"fuzz\"\nreplay = true\n\
    limits = { memory = \"1MiB\", cpu = \"10ms\", fuel = 5 }\ngrants = { files = ['a'] }\n\
    defaults = { __configKey__ = { a = [1, { b = 2 }] } }\n[build]\ncommand = \"make\"\n";

const PARTS: &[&[u8]] = &[
    b"[[routes]]\n",
    b"[hooks]\n",
    b"[",
    b"]",
    b"\"",
    b"'''",
    b" = ",
    b"{",
    b"}",
    b".",
    b"\\u0000",
    b"-1",
    b"1e400",
    b"99999999999999999999",
    b"\"1h\"",
    b"\"16777216TiB\"",
    b"false",
    b"__configKey__",
    b"\xff",
];

#[test]
fn a_configuration_is_read_or_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sources = Sources { dir: folder.path().to_owned(), ..Sources::default() };
    let file = folder.path().join("boathook.toml");
    let make = |random: &mut Random| changed(random, CONFIG, PARTS);
    run("a_configuration_is_read_or_refused", 10_000, make, |bytes| {
        std::fs::write(&file, bytes).expect("a file can be written");
        match config::survey(&sources) {
            Ok((_, problems)) => drop(problems.to_string()),
            Err(problems) => assert!(!problems.to_string().is_empty()),
        }
    });
}

#[test]
fn a_setting_by_flag_or_variable_is_read_or_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let seeds = ["hooks.rate-limit.limits.cpu=\"5ms\"", "routes=[]", "a.\"b.c\"=1", "listen=:80"];
    let make = |random: &mut Random| {
        let seed = random.pick(&seeds);
        changed(random, seed, PARTS)
    };
    run("a_setting_by_flag_or_variable", 10_000, make, |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        let name = format!("BOATHOOK_{}", name.replace('.', "__"));
        let sources = Sources {
            dir: dir.path().to_owned(),
            vars: vec![(name.into(), value.into())],
            sets: vec![text.clone()],
            ..Sources::default()
        };
        // Refusals are as good as anything: the point is to return.
        let _ = config::survey(&sources).map(|(config, _)| drop(config));
    });
}

#[test]
fn a_manifest_is_read_or_refused() {
    let make = |random: &mut Random| changed(random, MANIFEST, PARTS);
    run("a_manifest_is_read_or_refused", 10_000, make, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match manifest::parse(&text, "the manifest") {
            Ok(manifest) => drop(manifest.clone().overlay(manifest)),
            Err(problems) => assert!(!problems.to_string().is_empty()),
        }
    });
}

const ADDRESSES: &[&str] = &[
    "GET /users/:id",
    "/*",
    "ALL /admin/*",
    "POST r|^/x/(\\d+)$|id",
    "/a/:b?/c(d|e)*",
    "r|^/(?!a)(.*)$|rest",
    "put /:from-:to.:ext",
    "/%61/é/;x=1",
];

const ADDRESS_PARTS: &[&[u8]] = &[
    b":",
    b"*",
    b"?",
    b"(",
    b")",
    b"+",
    b"|",
    b"\\",
    b"/",
    b"//",
    b"..",
    b"%2f",
    b"%",
    b" ",
    b"^",
    b"$",
    b"[a-z",
    b"{1,99999}",
    b"(a*)*b",
    b"(?=",
    b"(?<n>",
    b"\\1",
    b"r|",
    b"GET ",
    b"@",
    b".",
    b"\xc3\xa9",
];

/// Three addresses and a path, one a line: whatever is an address is bound, and whatever is a path
/// is looked for.
#[test]
fn addresses_and_paths_are_read_or_refused_and_matched() {
    let make = |random: &mut Random| {
        let mut text = Vec::new();
        for _ in 0..3 {
            let seed = random.pick(ADDRESSES);
            text.extend(changed(random, seed, ADDRESS_PARTS));
            text.push(b'\n');
        }
        let path =
            random.pick(&["/users/7", "/a/b/cd", "/x/12", "/aaaaaaaaaaaaaaaaaaaaaaaaaa!", "/"]);
        text.extend(changed(random, path, ADDRESS_PARTS));
        text
    };
    let mut bound = 0;
    run("addresses_and_paths", 10_000, make, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut lines: Vec<&str> = text.split('\n').collect();
        let path = lines.pop().unwrap_or_default();
        let bindings: Vec<Binding> = lines
            .iter()
            .filter_map(|line| Address::parse(line).ok())
            .map(|address| Binding::new(address, true))
            .collect();
        bound += bindings.len();
        let app = bindings.iter().map(|binding| Binding::new(binding.address.clone(), false));
        let app: Vec<Binding> = app.collect();
        let router = Router::new(bindings, app, Vec::new());
        drop(uncovered(&router));
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let Ok(path) = Path::parse(path) else { return };
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let Ok(matches) = router.find(&method, &path, query, 0) else { continue };
            let all = router.bindings().count();
            assert!(matches.iter().all(|found| found.index < all));
        }
        router.allowed(&path, query);
    });
    assert!(bound > 0, "no address was one");
}

fn changed(random: &mut Random, seed: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() + 1);
        bytes.splice(at..at, random.pick(parts).iter().copied());
    }
    if random.once_in(2) {
        mutate(random, &mut bytes, &[], parts);
    }
    bytes
}
