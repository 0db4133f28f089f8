//! What commands ask of a running server and of no other: reading certificates anew, as SIGHUP does, and noting that a backup was made.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use longwire_core::Metrics;
use longwire_model::Timestamp;
use longwire_net::certificate::Certificate;
use longwire_net::client_ca::ClientCa;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};

use crate::certificate::{self, Loaded};
use crate::configuration::Configuration;
use crate::control::{BACKED_UP, RELOAD};
use crate::data_dir::DataDir;
use crate::system;

/// What is in force, and where it comes from.
pub(super) struct Reload {
    configuration: Arc<Configuration>,
    data_dir: DataDir,
    certificate: Certificate,
    client_ca: Option<ClientCa>,
    metrics: Arc<Metrics>,
    /// One at a time: what was read last is what is in force.
    turn: Mutex<()>,
}

/// What was read, and what is to be known of it.
#[derive(Serialize)]
pub(super) struct Report {
    /// The file of the certificate, its SHA-256, and until when it is good.
    certificate: String,
    sha256: String,
    expires_at: Option<Timestamp>,
    /// The file of the authorities of clients, where these show certificates.
    client_ca: Option<String>,
    warnings: Vec<String>,
}

impl Reload {
    pub(super) fn new(
        configuration: &Arc<Configuration>,
        data_dir: &DataDir,
        loaded: &Loaded,
        client_ca: Option<&ClientCa>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        tell(loaded, metrics);
        Self {
            configuration: Arc::clone(configuration),
            data_dir: data_dir.clone(),
            certificate: loaded.certificate.clone(),
            client_ca: client_ca.cloned(),
            metrics: Arc::clone(metrics),
            turn: Mutex::new(()),
        }
    }

    /// Reads everything anew, as asked `by` whom. What cannot be read changes nothing.
    fn run(&self, by: &str) -> anyhow::Result<Report> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = certificate::load(&self.configuration, &self.data_dir, system::now())?;
        let clients = self.configuration.client_certificate.as_ref();
        let authorities = clients.map(|clients| clients.load().context("client_ca")).transpose()?;
        self.certificate.replace(&loaded.certificate);
        if let Some((own, new)) = self.client_ca.as_ref().zip(authorities) {
            own.replace(&new);
        }
        let sum = digest(&SHA256, &loaded.certificate.leaf());
        let sha256: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let certificate = loaded.path.display().to_string();
        let client_ca = clients.map(|clients| {
            let path = &clients.authorities;
            std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display().to_string()
        });
        tracing::info!(by, path = certificate, sha256, "the certificate was read anew: new connections see it");
        if let Some(path) = &client_ca {
            tracing::info!(
                by,
                path,
                "the authorities of clients were read anew: new connections are held against them"
            );
        }
        tell(&loaded, &self.metrics);
        let Loaded { expires_at, warnings, .. } = loaded;
        Ok(Report { certificate, sha256, expires_at, client_ca, warnings })
    }

    /// As [`Self::run`] for SIGHUP, with the log alone to tell.
    pub(super) fn run_and_tell(&self) {
        self.run_or_refuse("SIGHUP").ok();
    }

    fn answer(&self) -> Response {
        match self.run_or_refuse("operator") {
            Ok(report) => Json(report).into_response(),
            Err(detail) => (StatusCode::CONFLICT, Json(json!({ "detail": detail }))).into_response(),
        }
    }

    /// The error is in the log.
    fn run_or_refuse(&self, by: &str) -> Result<Report, String> {
        self.run(by).map_err(|error| {
            let detail = format!("nothing was read anew, the certificate stays as it is: {error:#}");
            tracing::error!(by, "{detail}");
            detail
        })
    }
}

/// Says what is wrong with a certificate, and until when it is good to whoever reads the metrics.
fn tell(loaded: &Loaded, metrics: &Metrics) {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    metrics.certificate_expiration.set(loaded.expires_at.map_or(0, |at| at.as_millis().div_euclid(1_000)));
}

/// What the operator's commands call, over the control socket alone.
pub(super) fn router(reload: &Arc<Reload>) -> Router {
    let reload = Arc::clone(reload);
    Router::new().route(RELOAD, post(move || async move { reload.answer() })).route(BACKED_UP, post(note_backup))
}

/// A backup was made beside the server, by a process that has no log.
async fn note_backup(Json(backup): Json<Value>) -> StatusCode {
    let text = |key: &str| backup.get(key).and_then(Value::as_str).unwrap_or("-");
    tracing::info!(by = "operator", what = text("to"), "a backup was made");
    StatusCode::NO_CONTENT
}
