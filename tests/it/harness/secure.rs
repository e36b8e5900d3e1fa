//! Runs a server that speaks TLS, with a certificate that nobody knows: it answers each request with the
//! version of HTTP that it came by.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A running server. It ends with the test's process.
pub(crate) struct Secure {
    pub(crate) address: SocketAddr,
    /// Its certificate, PEM.
    pub(crate) certificate: String,
}

impl Secure {
    /// Starts one for the name `localhost`, which offers these protocols.
    pub(crate) fn start(alpn: &[&str]) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .expect("a certificate can be made");
        let certificate = certified.cert.pem();
        let chain = vec![CertificateDer::from(certified.cert)];
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("key and certificate fit");
        tls.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        std::thread::spawn(move || runtime.block_on(serve(listener, tls)));
        Self { address, certificate }
    }
}

async fn serve(listener: TcpListener, tls: ServerConfig) {
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    while let Ok((socket, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let service =
                service_fn(|request: http::Request<hyper::body::Incoming>| {
                    let text = format!("by {:?}", request.version());
                    std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(
                        Full::<Bytes>::from(text),
                    )))
                });
            let builder = Builder::new(TokioExecutor::new());
            // That a client leaves is no matter here.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
