//! The certificate of the metrics port: from a directory, as cert-manager and Kubernetes Secrets
//! lay it out, or one of our own making.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::warn;

/// File names of a Secret of type `kubernetes.io/tls`.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// Proves who serves.
pub struct Certificate {
    directory: Option<PathBuf>,
    current: Mutex<Current>,
}

struct Current {
    /// The files' contents, to see when they change.
    files: (Vec<u8>, Vec<u8>),
    config: Arc<ServerConfig>,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot read {0}: {1}")]
    Unreadable(String, io::Error),
    #[error("{0} is no certificate or key in PEM: {1}")]
    NoPem(String, rustls::pki_types::pem::Error),
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("cannot make a certificate: {0}")]
    NotMade(#[from] rcgen::Error),
}

impl Certificate {
    /// One that lasts as long as this process. Clients have to skip its verification; what they
    /// send and read is still encrypted.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn self_signed(host: &str) -> Result<Self, CertificateError> {
        let names = vec!["localhost".to_owned(), host.to_owned()];
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .map_err(|why| rustls::Error::General(why.to_owned()))?;
        let config = config(vec![made.cert.der().clone()], key)?;
        let current = Current { files: (Vec::new(), Vec::new()), config };
        Ok(Self { directory: None, current: Mutex::new(current) })
    }

    /// `tls.crt` and `tls.key` of a directory; replaced files are noticed.
    ///
    /// # Errors
    /// They cannot be read, or do not fit.
    pub fn from_directory(directory: PathBuf) -> Result<Self, CertificateError> {
        let current = load(&directory, None)?;
        Ok(Self { directory: Some(directory), current: Mutex::new(current) })
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.config();
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Connections are few, files small: looking each time is the simplest way to be current.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = &self.directory {
            match load(directory, Some(&current)) {
                Ok(loaded) => *current = loaded,
                Err(error) => warn!(%error, "the certificate in use stays"),
            }
        }
        current.config.clone()
    }
}

fn load(directory: &std::path::Path, known: Option<&Current>) -> Result<Current, CertificateError> {
    let read = |name: &str| {
        let path = directory.join(name);
        let shown = path.display().to_string();
        match std::fs::read(&path) {
            Ok(bytes) => Ok((shown, bytes)),
            Err(why) => Err(CertificateError::Unreadable(shown, why)),
        }
    };
    let (certificate_path, certificate) = read(CERTIFICATE)?;
    let (key_path, key) = read(KEY)?;
    let files = (certificate, key);
    if let Some(known) = known.filter(|known| known.files == files) {
        return Ok(Current { files, config: known.config.clone() });
    }
    let chain = CertificateDer::pem_slice_iter(&files.0)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| CertificateError::NoPem(certificate_path, why))?;
    let key = PrivateKeyDer::from_pem_slice(&files.1)
        .map_err(|why| CertificateError::NoPem(key_path, why))?;
    Ok(Current { config: config(chain, key)?, files })
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}
