//! Reads certificate and key, and settles how TLS is spoken.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// As ALPN spells HTTP/2.
pub(super) const ALPN_HTTP2: &[u8] = b"h2";

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and those between it and a root, PEM, in this order.
    pub certificate: PathBuf,
    /// Its private key, PEM, not encrypted.
    pub key: PathBuf,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// No such file, or it cannot be read.
    #[error("cannot read {what}: `{}`", path.display())]
    Read {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not PEM, or its contents do not parse.
    #[error("{what} is not valid PEM: `{}`", path.display())]
    Pem {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// There is PEM in the file, but not of this kind.
    #[error("no {what} in `{}`\nhint: {hint}", path.display())]
    Missing {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The remedy.
        hint: &'static str,
    },
    /// Both are there but do not fit, or the key is of an unknown kind.
    #[error("key `{}` does not fit certificate `{}`", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

const CERTIFICATE: &str = "TLS certificate";
const KEY: &str = "TLS key";

impl Tls {
    /// Reads both files. Called when binding, and by `check`.
    ///
    /// # Errors
    /// Each names the file that is at fault.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&read(CERTIFICATE, &self.certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| pem_error(CERTIFICATE, &self.certificate, source))?;
        if chain.is_empty() {
            return Err(TlsError::Missing {
                what: CERTIFICATE,
                path: self.certificate.clone(),
                hint: "it must have a `BEGIN CERTIFICATE` section",
            });
        }
        let key =
            PrivateKeyDer::from_pem_slice(&read(KEY, &self.key)?).map_err(
                |source| match source {
                    pem::Error::NoItemsFound => TlsError::Missing {
                        what: KEY,
                        path: self.key.clone(),
                        hint: "it must have a `BEGIN PRIVATE KEY` section and no passphrase",
                    },
                    source => pem_error(KEY, &self.key, source),
                },
            )?;
        let mismatch = |source| TlsError::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        };
        // Said aloud, since another crate in the tree may bring a second provider, and rustls then
        // has no default.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(mismatch)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(mismatch)?;
        config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { what, path: path.into(), source })
}

fn pem_error(what: &'static str, path: &Path, source: pem::Error) -> TlsError {
    TlsError::Pem { what, path: path.into(), source }
}
