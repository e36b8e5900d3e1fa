//! The suite's work as a wasi:http 0.3 service component: reads a header, sets five, answers.

use bench_hooks::{BODY, NOBODY, READ, SET, WRITTEN};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

wasip3::http::service::export!(Answers);

struct Answers;

impl Guest for Answers {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let read = request.get_headers().get(READ).into_iter().next();
        let headers = Fields::new();
        let set = |name: &str, value: &[u8]| {
            headers.append(name, value).expect("a header of fixed text is valid");
        };
        set(WRITTEN, read.as_deref().unwrap_or(NOBODY.as_bytes()));
        for (name, value) in SET {
            set(name, value.as_bytes());
        }
        set("content-type", b"text/plain; charset=utf-8");
        set("content-length", BODY.len().to_string().as_bytes());
        let (mut body, contents) = wit_stream::new();
        let (no_trailers, trailers) = wit_future::new(|| Ok(None));
        drop(no_trailers);
        let (response, _sent) = Response::new(headers, Some(contents), trailers);
        wit_bindgen::spawn_local(async move {
            let left = body.write_all(BODY.as_bytes().to_vec()).await;
            assert!(left.is_empty(), "the host takes the body");
        });
        Ok(response)
    }
}
