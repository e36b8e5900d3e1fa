//! Defines what a connection's bytes go through: the socket under watch, TLS where there is any, and
//! the bytes that were read to learn which HTTP it is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::server::TlsStream;

use super::watch::Watch;

/// A socket that notes what happens on it. It lives on in a tunnel after an upgrade, and counts
/// against the limit on connections until it is closed.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    watch: Arc<Watch>,
    _permit: OwnedSemaphorePermit,
}

/// A connection, encrypted or not.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

/// A connection of which some bytes were read ahead.
#[derive(Debug)]
pub(super) struct Rewound {
    ahead: Bytes,
    stream: Stream,
}

/// Which HTTP a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// What every HTTP/2 connection begins with.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Enough for most heads, so that most connections need one read for their first request.
const READ_AHEAD_BYTES: usize = 2048;

impl Socket {
    pub(super) fn new(tcp: TcpStream, watch: Arc<Watch>, permit: OwnedSemaphorePermit) -> Self {
        Self { tcp, watch, _permit: permit }
    }
}

impl Stream {
    /// Finds out which HTTP the client speaks: what TLS has agreed on, else what its first bytes are.
    /// Nothing if it left without a byte.
    pub(super) async fn recognise(mut self) -> io::Result<Option<(Protocol, Rewound)>> {
        if let Self::Tls(tls) = &self {
            let protocol = match tls.get_ref().1.alpn_protocol() {
                Some(super::tls::ALPN_HTTP2) => Some(Protocol::Http2),
                Some(_) => Some(Protocol::Http1),
                None => None,
            };
            if let Some(protocol) = protocol {
                return Ok(Some((protocol, Rewound { ahead: Bytes::new(), stream: self })));
            }
        }
        let mut ahead = BytesMut::with_capacity(READ_AHEAD_BYTES);
        let protocol = loop {
            let ended = self.read_buf(&mut ahead).await? == 0;
            if ended && ahead.is_empty() {
                return Ok(None);
            }
            let length = ahead.len().min(HTTP2_PREFACE.len());
            if ahead[..length] != HTTP2_PREFACE[..length] || ended {
                break Protocol::Http1;
            }
            if length == HTTP2_PREFACE.len() {
                break Protocol::Http2;
            }
        };
        Ok(Some((protocol, Rewound { ahead: ahead.freeze(), stream: self })))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.tcp).poll_read(context, buffer);
        if read.is_ready() && buffer.filled().len() > before {
            this.watch.received();
        }
        read
    }
}

impl Socket {
    fn note<T>(&self, wrote: Poll<T>) -> Poll<T> {
        match wrote {
            Poll::Pending => self.watch.blocked(),
            Poll::Ready(_) => self.watch.sent(),
        }
        wrote
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.tcp).poll_write(context, bytes);
        this.note(wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.tcp).poll_write_vectored(context, slices);
        this.note(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(context, slices),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let length = this.ahead.len().min(buffer.remaining());
        buffer.put_slice(&this.ahead[..length]);
        this.ahead.advance(length);
        if this.ahead.is_empty() {
            // The buffer would otherwise stay for as long as the connection.
            this.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
