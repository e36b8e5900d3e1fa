//! Asks a server once and looks at the answer, before it is measured: what is fast and wrong is no figure.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bench_hooks::{BODY, READ, SET, WRITTEN};

use crate::load::Load;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Holds the answer to a load's request against what every subject is to answer.
///
/// # Errors
/// Where it differs, with the answer.
pub(crate) fn check(address: SocketAddr, load: &Load, decorated: bool) -> Result<()> {
    let posted = load.body.as_deref().map(std::fs::read).transpose()?;
    let cookie = load.cookie(address)?;
    let answer = ask_with(address, &load.path, cookie.as_deref(), posted.as_deref())?;
    let head = answer.head.to_ascii_lowercase();
    let wrong = |what: &str| format!("{what}, in the answer to {}:\n{}", load.path, answer.head);
    ensure!(answer.status == load.status, wrong("another status"));
    if decorated {
        let read = (WRITTEN, "acme");
        for (name, value) in SET.into_iter().chain([read]) {
            let line = format!("\r\n{name}: {value}\r\n").to_ascii_lowercase();
            ensure!(head.contains(&line), wrong(&format!("no `{name}: {value}`")));
        }
    }
    let expected = posted.as_deref().unwrap_or(BODY.as_bytes());
    ensure!(answer.body == expected, wrong("another body"));
    Ok(())
}

/// Asks until there is an answer with status 200; says how long that took.
///
/// # Errors
/// If there is none in time.
pub(crate) fn first_answer(address: SocketAddr) -> Result<Duration> {
    let started = Instant::now();
    while started.elapsed() < ANSWER_MAX {
        if ask(address, "/", None).is_ok_and(|answer| answer.status == 200) {
            return Ok(started.elapsed());
        }
    }
    bail!("no answer after {ANSWER_MAX:?}")
}

/// The text of a page.
///
/// # Errors
/// If it cannot be had.
pub(crate) fn page(address: SocketAddr, path: &str) -> Result<String> {
    let answer = ask(address, path, None)?;
    ensure!(answer.status == 200, "{path}: status {}", answer.status);
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

/// The status of an answer.
///
/// # Errors
/// If there is none.
pub(crate) fn status(address: SocketAddr, path: &str) -> Result<u16> {
    Ok(ask(address, path, None)?.status)
}

/// The cookie that an answer gives: `name=value`.
///
/// # Errors
/// If it gives none.
pub(crate) fn cookie(address: SocketAddr, path: &str) -> Result<String> {
    let answer = ask(address, path, None)?;
    let field = answer.head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("set-cookie").then_some(value)
    });
    let pair = field.and_then(|value| value.split(';').next()).map(str::trim);
    Ok(pair.with_context(|| format!("no cookie from {path}:\n{}", answer.head))?.to_owned())
}

struct Answer {
    status: u16,
    /// Status line and headers, with the line break of the last.
    head: String,
    body: Vec<u8>,
}

/// One request on a connection of its own.
fn ask(address: SocketAddr, path: &str, body: Option<&[u8]>) -> Result<Answer> {
    ask_with(address, path, None, body)
}

/// The same with a cookie.
fn ask_with(
    address: SocketAddr,
    path: &str,
    cookie: Option<&str>,
    body: Option<&[u8]>,
) -> Result<Answer> {
    let mut socket = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
    socket.set_read_timeout(Some(ANSWER_MAX))?;
    socket.set_write_timeout(Some(ANSWER_MAX))?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let length =
        if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let cookie = cookie.map_or_else(String::new, |cookie| format!("cookie: {cookie}\r\n"));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{READ}: acme\r\nconnection: close\r\n{cookie}{length}\r\n"
    );
    socket.write_all(head.as_bytes())?;
    socket.write_all(body)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    parse(&answer).with_context(|| format!("no HTTP from {address}"))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end + 2]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &answer[end + 4..];
    let chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n");
    let body = if chunked { unchunked(body)? } else { body.to_vec() };
    Some(Answer { status, head, body })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_a_head_and_a_body() {
        let answer = parse(b"HTTP/1.1 200 OK\r\nx-a: b\r\n\r\nhello").unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"hello"[..]));
        assert!(answer.head.ends_with("\r\nx-a: b\r\n"));
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\n\r\n";
        assert_eq!(parse(text).unwrap().body, b"hello");
    }
}
