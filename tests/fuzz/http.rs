//! Reads responses as strictly as the RFCs have them: what is odd is a finding.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection that is kept open from request to request.
pub(crate) struct Client {
    address: SocketAddr,
    socket: Option<TcpStream>,
    /// What has been read and belongs to no response yet.
    read: Vec<u8>,
}

/// A response, taken apart.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, socket: None, read: Vec::new() }
    }

    /// Sends a request and reads the one response that it has.
    ///
    /// # Panics
    /// If there is none, if it is malformed, or if there is more.
    pub(crate) fn ask(&mut self, method: &str, path: &str, head: &str, body: &[u8]) -> Response {
        assert_eq!(self.read, b"", "bytes that no request asked for");
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: fuzz.local\r\ncontent-length: {length}\r\n{head}\r\n"
        );
        let request = [head.as_bytes(), body].concat();
        // A server may close a connection that nothing is under way on, and then it is up to the
        // client to ask again.
        if self.socket.is_none() || !self.send(&request) || self.more() == 0 {
            self.socket = Some(connect(self.address));
            assert!(self.send(&request) && self.more() > 0, "no answer on a new connection");
        }
        let response = self.response(method);
        if response.all("connection").any(|value| value.eq_ignore_ascii_case(b"close")) {
            self.rest();
            self.socket = None;
        }
        assert_eq!(self.read, b"", "bytes behind the response");
        response
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        // One that answers before it has read all may close then; its answer is what counts.
        self.socket.as_mut().is_some_and(|socket| {
            let sent = socket.write_all(bytes);
            !sent.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        })
    }

    fn response(&mut self, method: &str) -> Response {
        loop {
            let end = self.find(b"\r\n\r\n") + 4;
            let head: Vec<u8> = self.read.drain(..end).collect();
            let mut response = parse(&head);
            if response.status >= 200 {
                let has_body = method != "HEAD" && !matches!(response.status, 204 | 304);
                response.body = if has_body { self.body(&response) } else { Vec::new() };
                return response;
            }
        }
    }

    /// The body, by the framing of RFC 9112, 6.3.
    fn body(&mut self, response: &Response) -> Vec<u8> {
        let lengths: Vec<&[u8]> = response.all("content-length").collect();
        let encodings: Vec<&[u8]> = response.all("transfer-encoding").collect();
        match (&lengths[..], &encodings[..]) {
            ([length], []) => {
                let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
                self.exactly(length.expect("content-length is a number"))
            }
            ([], [b"chunked"]) => {
                let mut body = Vec::new();
                loop {
                    let end = self.find(b"\r\n");
                    let line: Vec<u8> = self.read.drain(..end + 2).collect();
                    let size = std::str::from_utf8(&line[..end]).ok();
                    let size = size.and_then(|text| usize::from_str_radix(text, 16).ok());
                    let size = size.expect("a chunk begins with its size");
                    body.extend(self.exactly(size));
                    assert_eq!(self.exactly(2), b"\r\n", "a chunk ends with its size");
                    if size == 0 {
                        return body;
                    }
                }
            }
            framing => panic!("the body's length is not clear: {framing:?}"),
        }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more() > 0, "the connection ends inside of a body");
        }
        self.read.drain(..length).collect()
    }

    fn find(&mut self, what: &[u8]) -> usize {
        loop {
            if let Some(at) = self.read.windows(what.len()).position(|part| part == what) {
                return at;
            }
            let read = String::from_utf8_lossy(&self.read).into_owned();
            assert!(self.more() > 0, "the connection ends inside of a head: {read:?}");
        }
    }

    /// Reads to the end of the connection.
    fn rest(&mut self) {
        while self.more() > 0 {}
    }

    fn more(&mut self) -> usize {
        let Some(socket) = &mut self.socket else { return 0 };
        let mut bytes = [0; 16 << 10];
        let count = match socket.read(&mut bytes) {
            Ok(count) => count,
            // What it did not read of a body it resets.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("the server does not answer in time: {error}"),
        };
        self.read.extend_from_slice(&bytes[..count]);
        count
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("the server accepts");
    socket.set_nodelay(true).expect("the option can be set");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("and a timeout");
    socket
}

impl Response {
    fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| &value[..])
    }
}

/// Takes a head apart.
fn parse(head: &[u8]) -> Response {
    let shown = String::from_utf8_lossy(head);
    let lines = head.strip_suffix(b"\r\n\r\n").expect("a head ends with an empty line");
    let mut lines = lines.split(|byte| *byte == b'\n').map(|line| {
        // The last line has lost its line break already.
        line.strip_suffix(b"\r").unwrap_or(line)
    });
    let status = lines.next().and_then(|line| line.strip_prefix(b"HTTP/1.1 "));
    let status = status.and_then(|line| std::str::from_utf8(line.get(..3)?).ok()?.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status line: {shown:?}"));
    assert!((100..600).contains(&status), "{shown:?}");
    let mut headers = Vec::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.unwrap_or_else(|| panic!("a line without a colon: {shown:?}"));
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        assert!(!name.is_empty() && name.iter().all(token), "not a name: {shown:?}");
        let visible = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
        assert!(value.iter().all(visible), "a control character in a value: {shown:?}");
        headers.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()));
    }
    Response { status, headers, body: Vec::new() }
}
