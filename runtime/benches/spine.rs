//! Measures what every request and every lift go through without any guest: `make bench`.

use boathook::config::{self, Config, Sources};
use boathook::router::{Address, Binding, Path, Router};
use divan::{Bencher, black_box};
use http::Method;
use serde_json::json;

fn main() {
    divan::main();
}

/// How many routes the app has, beside those that match. Cost must not grow with it.
const ROUTES: &[usize] = &[10, 100, 1_000, 10_000];

/// Three hooks ahead of an app, one behind it.
fn router(routes: usize) -> Router {
    let binding = |address: &str, hook| {
        Binding::new(Address::parse(address).expect("an address of Sails' syntax"), hook)
    };
    let before = ["/*", "POST /*", "GET /api/*"].map(|address| binding(address, true));
    let app = (0..routes).map(|n| binding(&format!("GET /api/thing-{n}/:id"), false));
    let after = vec![binding("GET /hello", true)];
    Router::new(before.to_vec(), app.collect(), after)
}

#[divan::bench(args = ROUTES)]
fn match_a_path_with_a_param(bencher: Bencher<'_, '_>, routes: usize) {
    let router = router(routes);
    let url = format!("/api/thing-{}/42", routes / 2);
    bencher.bench_local(|| {
        let path = Path::parse(black_box(&url)).expect("a path");
        router.find(&Method::GET, &path, None, 0).expect("an unambiguous path")
    });
}

#[divan::bench(args = ROUTES)]
fn match_a_path_of_no_route(bencher: Bencher<'_, '_>, routes: usize) {
    let router = router(routes);
    bencher.bench_local(|| {
        let path = Path::parse(black_box("/nowhere/at/all")).expect("a path");
        router.find(&Method::GET, &path, None, 0).expect("an unambiguous path")
    });
}

/// A path with an encoded byte in it takes the long way through normalisation.
#[divan::bench]
fn parse_an_encoded_path(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| Path::parse(black_box("/api/thing-5/%61b%20c")).expect("a path"));
}

/// The defaults of so many hooks, merged under what an operator wrote: once a lift.
#[divan::bench(args = [1, 10, 100])]
fn merge_defaults_of_hooks(bencher: Bencher<'_, '_>, hooks: usize) {
    let config = operator();
    bencher.with_inputs(|| config.clone()).bench_local_values(|mut config| {
        for hook in 0..hooks {
            let name = format!("hook-{hook}");
            let defaults = json!({ "__configKey__": {
                "enabled": true, "limit": 100, "list": [1, 2, 3], "deep": { "a": 1, "b": null },
            }});
            config.tree.merge_defaults(&name, &name, defaults).expect("mergeable");
        }
        config
    });
}

fn operator() -> Config {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let file = dir.path().join("boathook.toml");
    std::fs::write(file, "[hook-0]\nlimit = 5\ndeep.a = 2\n[custom]\nname = 'bench'\n")
        .expect("and written to");
    config::load(&Sources { dir: dir.path().to_owned(), ..Sources::default() }).expect("a config")
}
