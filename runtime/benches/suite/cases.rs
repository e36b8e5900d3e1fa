//! Lists what is measured under a closed loop: groups of subjects that run in turn, and the ratios between
//! them.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::app::{AppOf, HookOf, Places, boathook, copies, one, twin};
use crate::load::{Load, Protocol};
use crate::peers;
use crate::process::{Cores, Server};

/// What is compared with each other: its subjects take turns.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) ratios: Vec<Ratio>,
}

/// The throughput of one subject over that of another, under its name in `results.json`.
#[derive(Debug)]
pub(crate) struct Ratio {
    pub(crate) name: &'static str,
    pub(crate) of: &'static str,
    pub(crate) over: &'static str,
    /// What design asks for, at the least.
    pub(crate) least: f64,
}

/// One server under one load.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) serves: Serves,
    pub(crate) load: Load,
    /// Whether an answer is to carry the five headers.
    pub(crate) decorated: bool,
}

/// Who serves.
#[derive(Debug)]
pub(crate) enum Serves {
    /// Boathook with an app; arguments in which `{upstream}` is the address of an upstream.
    Boathook(AppOf),
    /// The native twin, with so many steps; whether the last one answers.
    Twin(usize, bool),
    /// `wasmtime serve` with one of the peers' components.
    Wasmtime(&'static str, &'static [&'static str]),
    /// Sails, with so many hooks.
    Sails(usize),
}

/// A subject whose server runs.
pub(crate) struct Lifted {
    pub(crate) server: Server,
    /// The server behind it, if it is a proxy.
    _upstream: Option<Server>,
}

impl Serves {
    /// Starts the server in a folder of its own.
    ///
    /// # Errors
    /// If it is not installed, or does not start.
    pub(crate) fn lift(&self, places: &Places, dir: &Path) -> Result<Lifted> {
        let mut upstream = None;
        let server = match self {
            Self::Boathook(app) => {
                let mut app = app.clone();
                if app.toml.contains("{upstream}") {
                    let behind = dir.join("upstream");
                    AppOf::copies("headers", 0).lay_out(places, &behind)?;
                    let server = twin(places, &behind, Cores::Second, 0, false)?;
                    app.toml = app.toml.replace("{upstream}", &server.address.to_string());
                    upstream = Some(server);
                }
                let dir = dir.join("app");
                app.lay_out(places, &dir)?;
                boathook(places, &dir, Cores::First, &[])?
            }
            Self::Twin(steps, answers) => {
                let dir = dir.join("app");
                AppOf::copies("headers", 0).lay_out(places, &dir)?;
                twin(places, &dir, Cores::First, *steps, *answers)?
            }
            Self::Wasmtime(component, arguments) => {
                peers::wasmtime(places, dir, component, arguments, Cores::First)?
            }
            Self::Sails(hooks) => peers::sails(places, dir, *hooks, Cores::First)?,
        };
        Ok(Lifted { server, _upstream: upstream })
    }
}

/// Used again for as many requests as it takes; that is what pooling and reuse can do at best.
/// `cli`: what the standard library of a component for WASI asks for.
const WASMTIME_P2: &[&str] =
    &["-O", "pooling-allocator=y", "-S", "cli=y", "--max-instance-reuse-count", "1000"];
const WASMTIME_P3: &[&str] = &[
    "-O",
    "pooling-allocator=y",
    "-S",
    "cli=y,p3=y",
    "-W",
    "component-model-async=y",
    "--max-instance-reuse-count",
    "1000",
    "--max-instance-concurrent-reuse-count",
    "16",
];

/// A subject with the five headers on its answers.
fn decorated(name: &'static str, serves: Serves) -> Subject {
    Subject { name, serves, load: Load::default(), decorated: true }
}

fn one_of(component: &'static str, settings: &'static str) -> Serves {
    Serves::Boathook(AppOf::new(vec![one(component, settings)]))
}

fn ratio(name: &'static str, of: &'static str, over: &'static str, least: f64) -> Ratio {
    Ratio { name, of, over, least }
}

/// The first three rows of the table: a hook against its work done natively.
pub(crate) fn quick() -> Vec<Group> {
    vec![Group { name: "headers", subjects: against_native(), ratios: native_ratios() }]
}

fn against_native() -> Vec<Subject> {
    vec![
        decorated("native_one", Serves::Twin(1, false)),
        decorated("one_hook", Serves::Boathook(AppOf::copies("headers", 1))),
        decorated("native_five", Serves::Twin(5, false)),
        decorated("five_hooks", Serves::Boathook(AppOf::copies("headers", 5))),
        decorated("fresh", one_of("headers", "mode = 'fresh'\nreplay = true\n")),
        decorated("fresh_pure", one_of("bare", "mode = 'fresh'\nreplay = true\n")),
    ]
}

fn native_ratios() -> Vec<Ratio> {
    vec![
        ratio("one_hook_vs_native", "one_hook", "native_one", 0.90),
        ratio("five_hooks_vs_native", "five_hooks", "native_five", 0.75),
        ratio("fresh_vs_native", "fresh", "native_one", 0.45),
        ratio("fresh_pure_vs_native", "fresh_pure", "native_one", 0.60),
    ]
}

/// All groups. `bodies` has files of 16 KiB and 1 MiB to post.
pub(crate) fn all(bodies: &Bodies) -> Vec<Group> {
    vec![headers(), echoes(bodies), routes(), hooks(), http2(), proxy(), services(), languages()]
}

fn headers() -> Group {
    let mut last_answers = copies("headers", 4);
    last_answers.push(one("answers", "after = ['headers-003']\n"));
    let mut subjects = against_native();
    subjects.extend([
        Subject { decorated: false, ..decorated("no_hook", Serves::Boathook(AppOf::new(vec![]))) },
        decorated("native_last_answers", Serves::Twin(5, true)),
        decorated("last_of_five_answers", Serves::Boathook(AppOf::new(last_answers))),
        decorated("pooled_bare", one_of("bare", "")),
        decorated("single", one_of("headers", "mode = 'single'\n")),
        decorated("wasmtime_p2", Serves::Wasmtime("wasi-p2.wasm", WASMTIME_P2)),
        decorated("wasmtime_p3", Serves::Wasmtime("wasi-p3.wasm", WASMTIME_P3)),
        decorated("two_hooks", Serves::Boathook(AppOf::copies("headers", 2))),
        decorated("sails", Serves::Sails(2)),
    ]);
    let mut ratios = native_ratios();
    ratios.extend([
        ratio("last_of_five_vs_native", "last_of_five_answers", "native_last_answers", 0.0),
        ratio("one_hook_vs_wasmtime_p2", "one_hook", "wasmtime_p2", 2.2),
        ratio("one_hook_vs_wasmtime_p3", "one_hook", "wasmtime_p3", 3.0),
        ratio("hooks_vs_sails", "two_hooks", "sails", 15.0),
    ]);
    Group { name: "headers", subjects, ratios }
}

/// Files that are posted.
#[derive(Debug)]
pub(crate) struct Bodies {
    pub(crate) of_16_kib: PathBuf,
    pub(crate) of_1_mib: PathBuf,
}

/// A hook that reads a body and writes it back.
fn echoes(bodies: &Bodies) -> Group {
    let echo = |name, body: &Path| Subject {
        name,
        serves: one_of("bodies", ""),
        load: Load { body: Some(body.into()), ..Load::at("/echo") },
        decorated: false,
    };
    let subjects =
        vec![echo("body_16_kib", &bodies.of_16_kib), echo("body_1_mib", &bodies.of_1_mib)];
    Group { name: "bodies", subjects, ratios: Vec::new() }
}

/// Apps of 1, 10 and 100 routes; the request takes the last one.
fn routes() -> Group {
    let subject = |name, count: usize| {
        let route = |at| {
            format!(
                "[[routes]]\naddress = 'GET /thing-{at}/:id'\nskip_assets = false\nrespond = {{ status = 200, body = 'hello' }}\n"
            )
        };
        let toml: String = (0..count).map(route).collect();
        Subject {
            name,
            serves: Serves::Boathook(AppOf::new(vec![]).with_toml(toml)),
            load: Load::at(format!("/thing-{}/42", count - 1)),
            decorated: false,
        }
    };
    let subjects =
        vec![subject("routes_1", 1), subject("routes_10", 10), subject("routes_100", 100)];
    let ratios = vec![ratio("routes_100_vs_1", "routes_100", "routes_1", 0.0)];
    Group { name: "routes", subjects, ratios }
}

/// 1, 10 and 100 hooks, of which one has a route that the request takes.
fn hooks() -> Group {
    let subject = |name, count: usize| {
        let mut hooks: Vec<HookOf> = copies("elsewhere", count - 1);
        hooks.push(one("headers", ""));
        decorated(name, Serves::Boathook(AppOf::new(hooks)))
    };
    let subjects = vec![subject("hooks_1", 1), subject("hooks_10", 10), subject("hooks_100", 100)];
    let ratios = vec![ratio("hooks_100_vs_1", "hooks_100", "hooks_1", 0.0)];
    Group { name: "hooks", subjects, ratios }
}

/// The same over HTTP/2, four connections of eight streams.
fn http2() -> Group {
    let load = Load { protocol: Protocol::H2c, connections: 4, streams: 8, ..Load::default() };
    let subject = |name, serves| Subject { load: load.clone(), ..decorated(name, serves) };
    let subjects = vec![
        subject("h2_native_one", Serves::Twin(1, false)),
        subject("h2_one_hook", Serves::Boathook(AppOf::copies("headers", 1))),
    ];
    let ratios = vec![ratio("h2_one_hook_vs_native", "h2_one_hook", "h2_native_one", 0.0)];
    Group { name: "http2", subjects, ratios }
}

/// A hook that uses one service for each request, beside no hook: one session that all requests read, one counter
/// that all of them increment.
fn services() -> Group {
    let subject = |name, hook: &'static str, toml: &str| {
        let hooks = if hook.is_empty() { Vec::new() } else { vec![one(hook, "")] };
        let app = AppOf::new(hooks);
        let toml = format!("{toml}\n{}", app.toml);
        let load = Load::default();
        Subject { name, serves: Serves::Boathook(app.with_toml(toml)), load, decorated: false }
    };
    let begun = Load { cookie_of: Some("/begin"), ..Load::default() };
    let granted = "hooks.sessions.grants.session = true";
    let session = Subject { load: begun, ..subject("session_read", "sessions", granted) };
    let in_memory = "hooks.counts.grants.kv = ['rates']\nkv.store = 'memory'";
    let in_a_file = "hooks.counts.grants.kv = ['rates']\nkv.store = 'embedded'";
    let subjects = vec![
        subject("services_no_hook", "", ""),
        session,
        subject("kv_increment", "counts", in_memory),
        subject("kv_increment_in_file", "counts", in_a_file),
    ];
    let vs = |name, of| ratio(name, of, "services_no_hook", 0.0);
    let ratios = vec![
        vs("session_read_vs_no_hook", "session_read"),
        vs("kv_increment_vs_no_hook", "kv_increment"),
        vs("kv_increment_in_file_vs_no_hook", "kv_increment_in_file"),
    ];
    Group { name: "services", subjects, ratios }
}

/// The sample `security-headers` in each language: five headers set on the way back, by that language's SDK.
fn languages() -> Group {
    let subject = |name, component| Subject {
        decorated: false,
        ..decorated(name, Serves::Boathook(AppOf::new(vec![one(component, "")])))
    };
    let subjects = vec![
        subject("headers_in_rust", "security-headers-rust"),
        subject("headers_in_c", "security-headers-c"),
        subject("headers_in_go", "security-headers-go"),
        subject("headers_in_js", "security-headers-js"),
        subject("headers_in_python", "security-headers-python"),
    ];
    let vs = |name, of| ratio(name, of, "headers_in_rust", 0.0);
    let ratios = vec![
        vs("c_vs_rust", "headers_in_c"),
        vs("go_vs_rust", "headers_in_go"),
        vs("js_vs_rust", "headers_in_js"),
        vs("python_vs_rust", "headers_in_python"),
    ];
    Group { name: "languages", subjects, ratios }
}

/// A proxy, without hooks and through three of them; and a hook that fetches from the same upstream what the
/// proxy forwards. The upstream shares the generator's core, so this
/// is about the server's processor time a request, not about throughput.
fn proxy() -> Group {
    let toml = "[[routes]]\naddress = '/*'\nupstream = 'http://{upstream}'\n";
    let subject = |name, hooks| Subject {
        name,
        serves: Serves::Boathook(AppOf::copies("headers", hooks).with_toml(toml)),
        load: Load::default(),
        decorated: hooks > 0,
    };
    let granted = "hooks.fetches.grants.fetch = ['http://{upstream}']\n\
                   fetches.url = 'http://{upstream}/'\n";
    let fetches = Subject {
        name: "fetch_through_hook",
        serves: Serves::Boathook(AppOf::new(vec![one("fetches", "")]).with_toml(granted)),
        load: Load::default(),
        decorated: false,
    };
    let subjects = vec![subject("upstream_plain", 0), subject("upstream_three_hooks", 3), fetches];
    let ratios = vec![
        ratio("upstream_three_hooks_vs_plain", "upstream_three_hooks", "upstream_plain", 0.0),
        ratio("fetch_through_hook_vs_plain", "fetch_through_hook", "upstream_plain", 0.0),
    ];
    Group { name: "upstream", subjects, ratios }
}
