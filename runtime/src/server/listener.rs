//! Binds the socket, accepts connections, drains.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, sleep_until};

use super::connection::{self, Manner};
use super::stream::Socket;
use super::watch::{Limits, Order, Registry, Traffic};
use super::{Options, Peer, TlsError, Tunnels};
use crate::body::Body;

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    manner: Arc<Manner>,
    tls: bool,
    limits: Limits,
    registry: Arc<Registry>,
    connections: usize,
    drain: Duration,
    tunnels: Tunnels,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Exchanges that were still in flight when the time was over.
    pub exchanges_cut: usize,
    /// Tunnels that were open. They never end by themselves, so this is no failure.
    pub tunnels_cut: usize,
}

/// Why a listener cannot be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another process listens there.
    #[error(
        "address is in use: `{address}`\nhint: stop what listens there, or choose another port with \
         `--set {setting}={ip}:PORT`", ip = bracketed(.address)
    )]
    InUse {
        /// Where.
        address: SocketAddr,
        /// The key that says where.
        setting: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A port below 1024, and not the privilege for it.
    #[error(
        "no permission to listen on `{address}`\nhint: ports below 1024 need privileges; choose a \
         higher one, or grant `CAP_NET_BIND_SERVICE`"
    )]
    Permission {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// An address of another machine.
    #[error(
        "not an address of this machine: `{address}`\nhint: `127.0.0.1` listens for this machine \
         alone, `0.0.0.0` for all networks"
    )]
    NotHere {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Anything else the system says.
    #[error("cannot listen on `{address}`")]
    Other {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Connections that the kernel keeps until they are accepted. What Go and nginx-on-Linux end up
/// with is `somaxconn`, 4096 today; the kernel cuts a larger number down to its own.
const BACKLOG: u32 = 4096;

/// How long to wait after an accept failed because the process or the system is out of something.
/// Files are freed by connections that end; asking at once again would only burn the CPU for them.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// How long connections may take to notice that they have been cut.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Listener {
    /// Binds the socket. Connections wait in the kernel's queue until [`Listener::serve`]. To be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses the address, or certificate or key cannot be used.
    pub fn bind(options: &Options) -> Result<Self, BindError> {
        let tls = options.tls.as_ref().map(super::Tls::load).transpose()?;
        let refused = |source| refused(options, source);
        let socket = listen(options.listen).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let limits = Limits {
            header: options.header_timeout,
            idle: options.idle_timeout,
            write: options.write_timeout,
        };
        Ok(Self {
            socket,
            address,
            tls: tls.is_some(),
            manner: Arc::new(Manner::new(options, tls)),
            limits,
            registry: Registry::new(limits),
            connections: options.connections.clamp(1, Semaphore::MAX_PERMITS),
            drain: options.drain,
            tunnels: Tunnels::new(),
        })
    }

    /// Where it listens, with the port that was given out for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The tunnels of this listener: whoever runs one enters it here.
    pub fn tunnels(&self) -> Tunnels {
        self.tunnels.clone()
    }

    /// What this listener is doing.
    pub fn traffic(&self) -> Traffic {
        Traffic(self.registry.clone())
    }

    /// Accepts and serves connections until `shutdown` is there, then drains.
    ///
    /// The handler is called once for every request, concurrently, and its future is dropped when
    /// the connection breaks.
    pub async fn serve<H, F>(self, handler: H, shutdown: impl Future<Output = ()>) -> Drained
    where
        H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let registry = self.registry;
        let mut ticks = interval(self.limits.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let seats = Arc::new(Semaphore::new(self.connections));
        let mut shutdown = pin!(shutdown);
        loop {
            let (tcp, address, permit) = tokio::select! {
                accepted = accept(&self.socket, &seats) => accepted,
                _ = ticks.tick() => {
                    registry.sweep();
                    continue;
                }
                () = &mut shutdown => break,
            };
            let peer = Peer { addr: canonical(address), tls: self.tls };
            let place = registry.enter();
            let watch = place.watch().clone();
            let socket = Socket::new(tcp, watch.clone(), permit);
            let served =
                connection::serve(self.manner.clone(), watch, socket, peer, handler.clone());
            tokio::spawn(async move {
                let _place = place;
                served.await;
            });
        }
        // From here on the system refuses new connections.
        drop(self.socket);
        drain(&registry, &mut ticks, self.drain, &self.tunnels).await
    }
}

/// Waits for a free seat and then for a connection. To be dropped at any time: a connection that is
/// not accepted waits in the kernel.
async fn accept(
    socket: &TcpListener,
    seats: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let Ok(permit) = seats.clone().acquire_owned().await else {
        // Nobody closes the semaphore.
        return std::future::pending().await;
    };
    loop {
        match socket.accept().await {
            Ok((tcp, address)) => {
                // An answer is written in one piece where it can be, so there is nothing to be
                // gained from the kernel's waiting for more.
                if let Err(error) = tcp.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return (tcp, address, permit);
            }
            // The client gave up while it waited in the queue. The next one is not to blame.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn drain(
    registry: &Registry,
    ticks: &mut Interval,
    limit: Duration,
    tunnels: &Tunnels,
) -> Drained {
    registry.tell_all(Order::Finish);
    let finished = watched(registry, ticks, limit).await;
    let tunnels_cut = tunnels.cut().await;
    if finished {
        return Drained { exchanges_cut: 0, tunnels_cut };
    }
    let exchanges_cut = registry.tell_all(Order::Cut);
    watched(registry, ticks, LAST_WORDS).await;
    Drained { exchanges_cut, tunnels_cut }
}

/// Waits until all connections have ended, up to a limit. Whether they have.
async fn watched(registry: &Registry, ticks: &mut Interval, limit: Duration) -> bool {
    let deadline = tokio::time::Instant::now() + limit;
    let mut empty = pin!(registry.empty());
    loop {
        tokio::select! {
            () = &mut empty => return true,
            () = sleep_until(deadline) => return false,
            _ = ticks.tick() => registry.sweep(),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart finds connections of its predecessor in TIME_WAIT, and they must not keep it from
    // its address. It does not let two servers share one.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn refused(options: &Options, source: io::Error) -> BindError {
    let Options { listen: address, setting, .. } = *options;
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address, setting, source },
        io::ErrorKind::PermissionDenied => BindError::Permission { address, source },
        io::ErrorKind::AddrNotAvailable => BindError::NotHere { address, source },
        _ => BindError::Other { address, source },
    }
}

/// The address as it is written before a port.
fn bracketed(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// A client that came by IPv4 to an IPv6 socket is known by its IPv4 address, everywhere.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
