//! Measures calls into a real hook, without any HTTP around them: `make bench-micro`.
//!
//! The hook is the sample `security-headers`: its handler does nothing, its observer sets five headers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use boathook::app::App;
use boathook::body::Body;
use boathook::config::{self, Sources};
use boathook::exchange::{Exchange, Hop, Request, RequestId, Scheme, SessionCookie};
use boathook::lift;
use boathook::sandbox::Compiler;
use divan::Bencher;
use http::{HeaderMap, HeaderValue, Method, Version};
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// An app of this one hook, lifted.
struct Lifted {
    runtime: Runtime,
    app: Arc<App>,
    _dir: tempfile::TempDir,
}

fn component() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-hooks/app/hooks/security-headers.wasm")
}

fn lifted(configuration: &str) -> Lifted {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("boathook.toml"), configuration).expect("a configuration");
    let hooks = dir.path().join("hooks");
    std::fs::create_dir(&hooks).expect("a folder");
    std::fs::copy(component(), hooks.join("security-headers.wasm")).expect("`make hooks` first");
    let sources = Sources { dir: dir.path().to_owned(), ..Sources::default() };
    let (config, problems) = config::survey(&sources).expect("a configuration");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let app = runtime.block_on(async {
        let compiler = Arc::new(Compiler::default());
        let prepared = lift::prepare(config, problems, &compiler).expect("a sound hook");
        lift::lift(prepared, std::future::pending()).await.expect("a hook that lifts")
    });
    Lifted { runtime, app, _dir: dir }
}

fn exchange() -> Box<Exchange> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("example.com"));
    headers.insert("accept", HeaderValue::from_static("text/html"));
    let request = Request {
        method: Method::GET,
        path: boathook::router::Path::parse("/").expect("a path"),
        query: None,
        version: Version::HTTP_11,
        headers,
        body: Body::Empty,
        ip: [127, 0, 0, 1].into(),
        scheme: Scheme::Http,
        peer: Hop { ip: [127, 0, 0, 1].into(), trusted: false },
        id: RequestId::next(),
        started: Instant::now(),
        upgrade: None,
        session_cookie: SessionCookie::default(),
    };
    Exchange::new(request, Duration::from_secs(3600))
}

#[divan::bench(args = ["pooled", "single", "fresh"])]
fn call_that_does_nothing(bencher: Bencher<'_, '_>, mode: &str) {
    let lifted = lifted(&format!("hooks.security-headers.mode = \"{mode}\""));
    let hook = &lifted.app.hooks[0];
    let mut held = Some(exchange());
    let until = Instant::now() + Duration::from_secs(3600);
    bencher.bench_local(|| {
        lifted.runtime.block_on(async {
            let lent = held.take().expect("it came back");
            let (back, outcome) = hook.handle_route(0, lent, until).await;
            held = Some(back);
            outcome.expect("it says next")
        })
    });
}

#[divan::bench]
fn call_that_sets_five_headers(bencher: Bencher<'_, '_>) {
    let lifted = lifted("");
    let hook = &lifted.app.hooks[0];
    let mut held = Some(exchange());
    let until = Instant::now() + Duration::from_secs(3600);
    bencher.bench_local(|| {
        lifted.runtime.block_on(async {
            let mut lent = held.take().expect("it came back");
            lent.response.headers.clear();
            let (back, result) = hook.handle_response(0, lent, until).await;
            held = Some(back);
            result.expect("it sets them");
        })
    });
}

/// What the loop itself costs.
#[divan::bench]
fn no_call(bencher: Bencher<'_, '_>) {
    let lifted = lifted("");
    bencher.bench_local(|| lifted.runtime.block_on(async {}));
}
