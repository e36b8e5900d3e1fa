//! Makes connections to an upstream, plain or TLS, within a limit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::{Options, UpstreamError};
use crate::body::BoxError;
use crate::trust;

/// Makes connections.
#[derive(Clone, Debug)]
pub(super) struct Connect {
    https: HttpsConnector<HttpConnector>,
    limit: Duration,
}

/// The connection was not there in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection in time")]
pub(super) struct ConnectTimeout;

impl Connect {
    pub(super) fn new(url: &str, https: bool, options: &Options) -> Result<Self, UpstreamError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let tls = match &options.tls {
            Some(tls) => tls.clone(),
            None if https => platform_tls(url)?,
            None => believing(url, Arc::new(RootCertStore::empty()))?,
        };
        Ok(Self { https: HttpsConnector::from((http, tls)), limit: options.connect_timeout })
    }
}

impl Service<Uri> for Connect {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.https.call(uri);
        let limit = self.limit;
        // The connector's own limit leaves out the look-up of the name, and TLS.
        Box::pin(async move { timeout(limit, connecting).await.map_err(|_| ConnectTimeout)? })
    }
}

/// TLS that believes the system's certificates.
fn platform_tls(url: &str) -> Result<Arc<ClientConfig>, UpstreamError> {
    let roots = trust::of_the_system()
        .map_err(|source| UpstreamError::Roots { url: url.into(), source })?;
    believing(url, roots)
}

fn believing(url: &str, roots: Arc<RootCertStore>) -> Result<Arc<ClientConfig>, UpstreamError> {
    let config =
        trust::believing(roots).map_err(|source| UpstreamError::Tls { url: url.into(), source })?;
    Ok(Arc::new(config))
}
