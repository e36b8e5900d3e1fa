//! Runs servers that hooks fetch from, each with one way of its own to answer, or not to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A running server. It ends with the test's process.
pub(crate) struct Remote {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
}

/// How a server answers.
#[derive(Clone)]
pub(crate) enum Way {
    /// With this, whatever it is, and closes.
    Says(String),
    /// With each of these in turn, then with the last again and again, and closes.
    Turns(Vec<String>),
    /// With nothing, and keeps the connection.
    Silence,
    /// With this head and body after it without end.
    Endless(&'static str),
}

impl Remote {
    /// Starts one.
    pub(crate) fn start(way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let remote = Self { address, requests: Arc::default(), written: Arc::default() };
        let (requests, written) = (remote.requests.clone(), remote.written.clone());
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (way, requests, written) = (way.clone(), requests.clone(), written.clone());
                std::thread::spawn(move || {
                    let mut socket = socket;
                    if matches!(socket.read(&mut [0; 16 << 10]), Ok(1..)) {
                        let before = requests.fetch_add(1, Ordering::Relaxed);
                        answer(socket, way.at(before), &written);
                    }
                });
            }
        });
        remote
    }

    /// One that redirects there.
    pub(crate) fn redirecting(to: &str) -> Self {
        let head = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n");
        Self::start(Way::Says(format!("{head}connection: close\r\n\r\n")))
    }

    /// How many requests arrived.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many bytes it got rid of.
    pub(crate) fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }
}

impl Way {
    /// How it answers after so many requests.
    fn at(self, before: usize) -> Self {
        match self {
            Self::Turns(answers) => {
                let answer = answers.get(before).or(answers.last()).cloned();
                Self::Says(answer.unwrap_or_default())
            }
            way => way,
        }
    }
}

fn answer(mut socket: TcpStream, way: Way, written: &AtomicUsize) {
    match way {
        Way::Turns(_) => unreachable!("`at` has taken one of them"),
        Way::Says(answer) => drop(socket.write_all(answer.as_bytes())),
        // Until the other side closes.
        Way::Silence => while matches!(socket.read(&mut [0; 1024]), Ok(1..)) {},
        Way::Endless(head) => {
            let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            let mut next = head.as_str();
            while socket.write_all(next.as_bytes()).is_ok() {
                written.fetch_add(next.len(), Ordering::Relaxed);
                next = &chunk;
            }
        }
    }
}
