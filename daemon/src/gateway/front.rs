//! How a generation meets its clients, beyond its APIs: HTTPS, and files beside them.

use crate::project::gateway::GatewaySettings;

use super::static_files::StaticFiles;
use super::tls::{Tls, TlsError};

/// What the settings ask for, ready to serve with; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// HTTPS instead of HTTP.
    pub tls: Option<Tls>,
    /// Files beside the APIs.
    pub files: Option<StaticFiles>,
}

impl Front {
    /// Makes what the settings ask for.
    ///
    /// # Errors
    /// The certificate or its key cannot be used.
    pub fn of(settings: &GatewaySettings) -> Result<Front, TlsError> {
        let tls = settings.tls.as_ref().map(Tls::read).transpose()?;
        Ok(Front { tls, files: settings.static_dir.clone().map(StaticFiles::new) })
    }
}
