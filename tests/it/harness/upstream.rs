//! Runs an upstream that answers with what arrived: request line, headers, an empty line, the body.
//!
//! The request's own headers make it answer otherwise: `x-answer-status: 503`, `x-answer-body: text`,
//! `x-answer-bytes: 100000`, and any number of `x-answer-header: name=value`; with `x-answer-never: 1`
//! it closes after the request instead, and with `x-answer-never: silence` it does nothing at all.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A running upstream. It ends with the test's process.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let upstream = Self {
            address: listener.local_addr().expect("a bound socket has an address"),
            seen: Arc::default(),
        };
        let seen = upstream.seen.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let seen = seen.clone();
                std::thread::spawn(move || serve(socket, &seen));
            }
        });
        upstream
    }

    /// The request lines that arrived, in order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(socket: TcpStream, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    let mut writer = socket;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let first = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(first.clone());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        let body = read_body(&mut reader, &headers)?;
        match wishes(&headers, "x-answer-never").next().map(String::as_str) {
            None => {}
            Some("silence") => continue,
            Some(_) => return None,
        }
        writer.write_all(&answer(&first, &headers, &body)).ok()?;
    }
}

fn read_body(reader: &mut impl BufRead, headers: &[(String, String)]) -> Option<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let mut body = Vec::new();
    if let Some(length) = header("content-length") {
        body.resize(length.parse().ok()?, 0);
        reader.read_exact(&mut body).ok()?;
    } else if header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let length = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; length + 2];
            reader.read_exact(&mut chunk).ok()?;
            if length == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..length]);
        }
    }
    Some(body)
}

fn answer(first: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let wish = |name: &str| wishes(headers, name).next();
    let status = wish("x-answer-status").map_or("200", String::as_str);
    let mut echo = format!("{first}\n");
    for (name, value) in headers {
        echo.push_str(&format!("{name}: {value}\n"));
    }
    echo.push('\n');
    let mut echo = [echo.as_bytes(), body].concat();
    if let Some(text) = wish("x-answer-body") {
        echo = text.clone().into_bytes();
    }
    if let Some(bytes) = wish("x-answer-bytes").and_then(|bytes| bytes.parse().ok()) {
        echo = vec![b'x'; bytes];
    }
    let mut head = format!("HTTP/1.1 {status} Answer\r\n");
    for wished in wishes(headers, "x-answer-header") {
        head.push_str(&format!("{}\r\n", wished.replacen('=', ": ", 1)));
    }
    if first.starts_with("HEAD ") || matches!(status, "204" | "304") {
        return format!("{head}\r\n").into_bytes();
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", echo.len()));
    [head.as_bytes(), &echo].concat()
}

fn wishes<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a String> {
    headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value)
}
