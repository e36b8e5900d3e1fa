//! Speaks HTTP/1.1 by hand, so that a test can say what no client library would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// A connection to the server.
pub(crate) struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

/// What the server answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the server accepts connections");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        socket.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
        socket.set_nodelay(true).expect("the option can be set");
        Self { socket, read: Vec::new() }
    }

    /// Sends these very bytes. That the server may have closed already is no error here.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref());
    }

    /// Sends a request on this connection, which stays open.
    pub(crate) fn request(&mut self, method: &str, target: &str, headers: &[String], body: &[u8]) {
        let has =
            |name: &str| headers.iter().any(|line| line.to_ascii_lowercase().starts_with(name));
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !has("host:") {
            head.push_str("host: test.local\r\n");
        }
        if !body.is_empty() && !has("content-length:") && !has("transfer-encoding:") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for line in headers {
            head.push_str(&format!("{line}\r\n"));
        }
        head.push_str("\r\n");
        self.send([head.as_bytes(), body].concat());
    }

    /// Asks, and reads the answer.
    pub(crate) fn ask(&mut self, method: &str, target: &str) -> Response {
        self.request(method, target, &[], b"");
        self.response(method).unwrap_or_else(|| panic!("no answer to {method} {target}"))
    }

    /// Reads one response; none if the server closes instead.
    pub(crate) fn response(&mut self, method: &str) -> Option<Response> {
        loop {
            let response = self.one_response(method)?;
            // 1xx are no answers yet, but for a 101, after which there is no HTTP.
            if response.status >= 200 || response.status == 101 {
                return Some(response);
            }
        }
    }

    fn one_response(&mut self, method: &str) -> Option<Response> {
        let end = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            if self.more() == 0 {
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
        let status =
            lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|s| s.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Response { status: status.unwrap_or(0), headers, body: Vec::new() };
        let empty =
            method == "HEAD" || response.status < 200 || matches!(response.status, 204 | 304);
        if !empty {
            response.body = self.body(&response);
        }
        Some(response)
    }

    fn body(&mut self, response: &Response) -> Vec<u8> {
        if let Some(length) = response.header("content-length") {
            return self.exactly(length.parse().expect("a number as content-length"));
        }
        if response.header("transfer-encoding").is_none() {
            while self.more() > 0 {}
            return std::mem::take(&mut self.read);
        }
        let mut body = Vec::new();
        loop {
            let line = self.line();
            let Ok(length) = usize::from_str_radix(line.split(';').next().unwrap_or(""), 16) else {
                return body;
            };
            let chunk = self.exactly(length);
            self.line();
            if length == 0 {
                return body;
            }
            body.extend(chunk);
        }
    }

    /// Reads what comes next, up to a line break.
    pub(crate) fn line(&mut self) -> String {
        loop {
            if let Some(at) = find(&self.read, b"\r\n") {
                let line: Vec<u8> = self.read.drain(..at + 2).collect();
                return String::from_utf8_lossy(&line[..at]).into_owned();
            }
            if self.more() == 0 {
                return String::new();
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length && self.more() > 0 {}
        self.read.drain(..length.min(self.read.len())).collect()
    }

    fn more(&mut self) -> usize {
        let mut bytes = [0; 16 << 10];
        // A reset is an end, too.
        let count = self.socket.read(&mut bytes).unwrap_or(0);
        self.read.extend_from_slice(&bytes[..count]);
        count
    }

    /// Whether the server has closed, and nothing is left to read.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.read.is_empty() && self.more() == 0
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_sending(&self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

impl Response {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
