//! Other servers in memory: stubs by origin.

use serde_json::Value;

use super::{error, types, with};
use crate::Headers;
use crate::fetch::Response as Answer;
use crate::testing::Sent;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) options: String,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) url: String,
    pub(crate) headers: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn send(request: &Request) -> Result<Response, types::Error> {
    let options: Value = serde_json::from_str(&request.options).unwrap_or_default();
    let mut left = options["redirects"].as_u64().unwrap_or(0);
    let mut sent = Sent {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: Headers::from_block(request.headers.clone()),
        body: request.body.clone(),
    };
    loop {
        with(|host| host.sent.push(sent.clone()));
        let answer = ask(&sent)?;
        let location = answer.header("location").map(|text| text.into_owned());
        match location {
            Some(location) if left > 0 && (300..400).contains(&answer.status()) => {
                left -= 1;
                sent.url = location;
            }
            _ => return Ok(response(&sent.url, &answer)),
        }
    }
}

/// What the stub of the request's origin says.
fn ask(sent: &Sent) -> Result<Answer, types::Error> {
    let origin = origin(&sent.url);
    let stub = with(|host| host.servers.get(origin).cloned());
    let Some(stub) = stub else {
        let text =
            format!("nothing is granted at {origin}; hint: testing::server(\"{origin}\", ..)");
        return Err(error("E_NOT_GRANTED", text));
    };
    stub(sent).map_err(types::Error::from)
}

fn response(url: &str, answer: &Answer) -> Response {
    Response {
        status: answer.status(),
        url: url.into(),
        headers: answer.headers().block().to_vec(),
        body: answer.body().to_vec(),
    }
}

/// Scheme, host and port.
pub(crate) fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    &url[..end]
}
