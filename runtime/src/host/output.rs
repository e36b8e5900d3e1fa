//! Sends a hook's standard output and error into the server's log, line by line.
//!
//! A guest's panic message arrives here. The stream is bounded by the line: what a hook writes without
//! a line break is cut, so nothing accumulates.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use super::Shared;
use crate::log::Level;
use crate::outside::Outside;

/// The longest line that is written; the rest of it becomes the next one.
const LINE_BYTES_MAX: usize = 4 << 10;

/// A stream into the log. Clones share one line buffer, as guests may open the stream twice.
#[derive(Clone)]
pub(super) struct LogStream {
    hook: Arc<str>,
    shared: Arc<Shared>,
    outside: Arc<dyn Outside>,
    level: Level,
    line: Arc<Mutex<Vec<u8>>>,
    left: Arc<AtomicU64>,
}

impl LogStream {
    /// A stream that takes `left` bytes until that is filled up again.
    pub(super) fn new(of: &super::Context, level: Level, left: &Arc<AtomicU64>) -> Self {
        let (hook, shared, outside) = (of.name.clone(), of.shared(), of.outside.clone());
        Self { hook, shared, outside, level, line: Arc::default(), left: left.clone() }
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
        let left = self.left.load(Ordering::Relaxed);
        let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.left.store(left - taken as u64, Ordering::Relaxed);
        if taken < bytes.len() && left > 0 {
            let text = "`limits.log` reached on standard output: the rest is cut";
            self.outside.log(Level::Warn, &self.hook, None, text, "");
        }
        // What is cut counts as written: a guest whose panic cannot be printed must still panic.
        for &byte in &bytes[..taken] {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() >= LINE_BYTES_MAX {
                let text = String::from_utf8_lossy(&line);
                if !text.trim().is_empty() {
                    let text = self.shared.redactor.clean(&text);
                    self.outside.log(self.level, &self.hook, None, &text, "");
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
