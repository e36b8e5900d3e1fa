//! Makes connections to what a hook may reach, and to nothing else.
//!
//! A name is looked up once for a connection. Each address that it has is checked, and the connection is
//! made to those that passed: there is no second look-up that could say something else (DNS rebinding).
//! What is kept open afterwards stays with that address, and with this hook.

use std::future::Future;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower_service::Service;
use url::{Host, Url};

use super::address::Class;
use super::grant::{Grants, Origin};
use crate::body::BoxError;

/// Names of one hook that are looked up at one time. The system's look-up blocks a thread, and goes on
/// when nobody waits for it any more.
const LOOKUPS: usize = 16;
/// Connections of one hook, idle ones included, for each request that it may have on its way: patterns
/// may stand for any number of hosts.
const CONNECTIONS_PER_REQUEST: usize = 4;

/// Looks names up.
pub(super) trait Resolve: Send + Sync + 'static {
    /// The addresses of a name. Blocks.
    fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// Asks the system, as every other program does.
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Makes connections for one hook, by some of its grants.
#[derive(Clone)]
pub(super) struct Connect {
    grants: Arc<Grants>,
    tls: Arc<ClientConfig>,
    resolver: Arc<dyn Resolve>,
    limit: Duration,
    lookups: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

/// The connection was not there in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection in time")]
pub(super) struct ConnectTimeout;

/// None of the host's addresses may be connected to.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no address that may be connected to")]
pub(super) struct Refused(pub(super) Vec<(IpAddr, Class)>);

/// The name has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up the name")]
struct Unknown(#[source] std::io::Error);

impl Connect {
    /// By no grants yet.
    pub(super) fn new(
        tls: Arc<ClientConfig>,
        resolver: Arc<dyn Resolve>,
        limit: Duration,
        requests: usize,
    ) -> Self {
        Self {
            grants: Arc::default(),
            tls,
            resolver,
            limit,
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            connections: Arc::new(Semaphore::new(requests.saturating_mul(CONNECTIONS_PER_REQUEST))),
        }
    }

    /// The same, by these grants. What is bounded is bounded for all of them together.
    pub(super) fn under(&self, grants: Grants) -> Self {
        Self { grants: Arc::new(grants), ..self.clone() }
    }

    /// Connects to what the host of a URL is.
    async fn connect(self, uri: Uri) -> Result<Stream, BoxError> {
        let permit = self.connections.clone().acquire_owned().await?;
        let url = Url::parse(&uri.to_string())?;
        let origin = Origin::of(&url)?;
        let all = match origin.host() {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => self.look_up(name.clone()).await?,
        };
        let (mut checked, mut refused) = (Vec::new(), Vec::new());
        for address in all {
            match self.grants.admits(&origin, address) {
                Ok(()) => checked.push(SocketAddr::new(address, 0)),
                Err(class) => refused.push((address, class)),
            }
        }
        if checked.is_empty() {
            return Err(Refused(refused).into());
        }
        // It sets the port, and takes an address in the URL, which has been checked, as it is.
        let mut http = HttpConnector::new_with_resolver(Checked(checked));
        http.enforce_http(false);
        http.set_nodelay(true);
        let stream = HttpsConnector::from((http, self.tls)).call(uri).await?;
        Ok(Stream { stream, _permit: permit })
    }

    async fn look_up(&self, name: String) -> Result<Vec<IpAddr>, BoxError> {
        // The permit goes along: a look-up counts until it ends, whether anybody waits for it or not.
        let permit = self.lookups.clone().acquire_owned().await?;
        let resolver = self.resolver.clone();
        let found = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            resolver.resolve(&name)
        });
        let found = found.await?.map_err(Unknown)?;
        if found.is_empty() {
            return Err(Unknown(std::io::Error::other("it has no address")).into());
        }
        Ok(found)
    }
}

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connect = self.clone();
        Box::pin(async move {
            let limit = connect.limit;
            timeout(limit, connect.connect(uri)).await.map_err(|_| ConnectTimeout)?
        })
    }
}

/// Says what has been looked up and checked.
#[derive(Clone)]
struct Checked(Vec<SocketAddr>);

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        std::future::ready(Ok(std::mem::take(&mut self.0).into_iter()))
    }
}

/// A connection, which counts as one until it is closed.
pub(super) struct Stream {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    _permit: OwnedSemaphorePermit,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}
