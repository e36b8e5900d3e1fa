//! The suite's work as a wasi:http 0.2 proxy component: reads a header, sets five, answers.

use bench_hooks::{BODY, NOBODY, READ, SET, WRITTEN};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

wasip2::http::proxy::export!(Answers);

struct Answers;

impl Guest for Answers {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let read = request.headers().get(READ).into_iter().next();
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
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("a new response has a body to take");
        ResponseOutparam::set(outparam, Ok(response));
        let stream = body.write().expect("a new body has a stream to take");
        stream.blocking_write_and_flush(BODY.as_bytes()).expect("the host takes the body");
        drop(stream);
        OutgoingBody::finish(body, None).expect("the body is as long as it was said to be");
    }
}
