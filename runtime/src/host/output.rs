//! Sends a hook's standard output and error into the server's log, line by line.
//!
//! A guest's panic message arrives here. The stream is bounded by the line: what a hook writes without
//! a line break is cut, so nothing accumulates.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::log::{self, Level};

/// The longest line that is written; the rest of it becomes the next one.
const LINE_BYTES_MAX: usize = 4 << 10;

/// A stream into the log. Clones share one line buffer, as guests may open the stream twice.
#[derive(Clone)]
pub(super) struct LogStream {
    hook: Arc<str>,
    level: Level,
    line: Arc<Mutex<Vec<u8>>>,
}

impl LogStream {
    pub(super) fn new(hook: &Arc<str>, level: Level) -> Self {
        Self { hook: hook.clone(), level, line: Arc::default() }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for &byte in bytes {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() >= LINE_BYTES_MAX {
                let text = String::from_utf8_lossy(&line);
                if !text.trim().is_empty() {
                    log::hook_line(self.level, &self.hook, None, &text, "");
                }
                line.clear();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.poll_flush(context)
    }
}
