//! Says which servers to believe when connecting to them by TLS: those whose certificates lead to a root
//! of the system's, or to one that the operator names.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The system's roots, read once.
///
/// # Errors
/// If there are none, with the system's reason if it gave one.
pub(crate) fn of_the_system() -> Result<Arc<RootCertStore>, Option<rustls_native_certs::Error>> {
    static READ: Mutex<Option<Arc<RootCertStore>>> = Mutex::new(None);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(roots) = &*read {
        return Ok(roots.clone());
    }
    let mut found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry one or the other certificate that rustls does not understand.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(found.errors.pop());
    }
    Ok(read.insert(Arc::new(roots)).clone())
}

/// A file with roots that could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    /// It cannot be read, or is no PEM.
    #[error("cannot read certificates: {0}")]
    Read(#[from] rustls::pki_types::pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// One is no certificate of a root.
    #[error("not a certificate to believe: {0}")]
    Unfit(#[from] rustls::Error),
}

/// The roots in a PEM file.
///
/// # Errors
/// If it cannot be read, or one of them is none.
pub(crate) fn of_file(path: &Path) -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() { Err(RootsError::Empty) } else { Ok(roots) }
}

/// TLS that believes these.
///
/// # Errors
/// If TLS cannot be set up at all.
pub(crate) fn believing(roots: Arc<RootCertStore>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
