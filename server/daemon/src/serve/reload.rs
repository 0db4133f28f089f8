//! Reading certificates anew while the server runs: on SIGHUP, and when `longwire reload` asks for it.

use std::sync::Arc;

use anyhow::Context as _;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use longwire_net::certificate::Certificate;
use longwire_net::client_ca::ClientCa;
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::certificate;
use crate::configuration::Configuration;
use crate::control::RELOAD;
use crate::data_dir::DataDir;

/// What is in force, and where it comes from.
pub(super) struct Reload {
    configuration: Arc<Configuration>,
    data_dir: DataDir,
    certificate: Certificate,
    client_ca: Option<ClientCa>,
}

impl Reload {
    pub(super) fn new(
        configuration: &Arc<Configuration>,
        data_dir: &DataDir,
        certificate: &Certificate,
        client_ca: Option<&ClientCa>,
    ) -> Self {
        Self {
            configuration: Arc::clone(configuration),
            data_dir: data_dir.clone(),
            certificate: certificate.clone(),
            client_ca: client_ca.cloned(),
        }
    }

    /// Reads everything anew; gives the SHA-256 of the certificate. What cannot be read changes nothing.
    pub(super) fn run(&self) -> anyhow::Result<String> {
        let (certificate, path) = certificate::load(&self.configuration, &self.data_dir)?;
        let clients = self.configuration.client_certificate.as_ref();
        let authorities = clients.map(|clients| clients.load().context("client_ca")).transpose()?;
        self.certificate.replace(&certificate);
        if let Some((own, new)) = self.client_ca.as_ref().zip(authorities) {
            own.replace(&new);
        }
        let sum = digest(&SHA256, &certificate.leaf());
        let sha256: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        tracing::info!(path = %path.display(), sha256, "the certificate was read anew: new connections see it");
        Ok(sha256)
    }

    /// As [`Self::run`], with the log alone to tell.
    pub(super) fn run_and_tell(&self) {
        if let Err(error) = self.run() {
            tracing::error!("nothing was read anew, the certificate stays as it is: {error:#}");
        }
    }

    fn answer(&self) -> Response {
        match self.run() {
            Ok(sha256) => Json(json!({ "sha256": sha256 })).into_response(),
            Err(error) => {
                let detail = format!("nothing was read anew, the certificate stays as it is: {error:#}");
                tracing::error!("{detail}");
                (StatusCode::CONFLICT, Json(json!({ "detail": detail }))).into_response()
            }
        }
    }
}

/// What the operator's commands call, over the control socket alone.
pub(super) fn router(reload: &Arc<Reload>) -> Router {
    let reload = Arc::clone(reload);
    Router::new().route(RELOAD, post(move || async move { reload.answer() }))
}
