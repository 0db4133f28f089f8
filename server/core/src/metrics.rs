//! Counters in Prometheus' text form.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Bound sessions.
    pub sessions: Gauge,
    /// Open connections, bound or not.
    pub connections: Gauge,
    /// The log's last position.
    pub log_head: Gauge,
    /// Entries written to connections and not acknowledged.
    pub unacknowledged: Gauge,
    /// Notifications accepted.
    pub accepted: Counter,
    /// Entries written to connections.
    pub sent: Counter,
    /// Entries acknowledged.
    pub acknowledged: Counter,
    /// Logins that bound a session.
    pub logins: Counter,
    /// Logins refused.
    pub login_failures: Counter,
    /// Accounts registered in band.
    pub registrations: Counter,
    /// App keys refused.
    pub app_key_refusals: Counter,
    /// Requests of devices refused because they came too often.
    pub requests_limited: Counter,
    /// Reads of the log by sessions that were behind.
    pub log_reads: Counter,
    /// Seconds from a request to its durable acceptance.
    pub accept_seconds: Histogram,
    /// Seconds from acceptance to writing an entry to a live connection.
    pub send_seconds: Histogram,
    /// Seconds from acceptance to the device's acknowledgement.
    pub delivery_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        // 0.1 ms to about 52 s.
        let histogram = || Histogram::new(exponential_buckets(0.0001, 3.0, 13));
        let mut metrics = Self {
            registry: Registry::with_prefix("longwire"),
            sessions: Gauge::default(),
            connections: Gauge::default(),
            log_head: Gauge::default(),
            unacknowledged: Gauge::default(),
            accepted: Counter::default(),
            sent: Counter::default(),
            acknowledged: Counter::default(),
            logins: Counter::default(),
            login_failures: Counter::default(),
            registrations: Counter::default(),
            app_key_refusals: Counter::default(),
            requests_limited: Counter::default(),
            log_reads: Counter::default(),
            accept_seconds: histogram(),
            send_seconds: histogram(),
            delivery_seconds: histogram(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("sessions", "Bound sessions", self.sessions.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("log_head", "Last position of the log", self.log_head.clone());
        registry.register("unacknowledged", "Entries sent and not acknowledged", self.unacknowledged.clone());
        registry.register("accepted", "Notifications accepted", self.accepted.clone());
        registry.register("sent", "Entries written to connections", self.sent.clone());
        registry.register("acknowledged", "Entries acknowledged by devices", self.acknowledged.clone());
        registry.register("logins", "Logins that bound a session", self.logins.clone());
        registry.register("login_failures", "Logins refused", self.login_failures.clone());
        registry.register("registrations", "Accounts registered in band", self.registrations.clone());
        registry.register("app_key_refusals", "App keys refused", self.app_key_refusals.clone());
        registry.register("requests_limited", "Requests of devices that came too often", self.requests_limited.clone());
        registry.register("log_reads", "Reads of the log by sessions that were behind", self.log_reads.clone());
        registry.register("accept_seconds", "Request to durable acceptance", self.accept_seconds.clone());
        registry.register("send_seconds", "Acceptance to the first write to a device", self.send_seconds.clone());
        registry.register(
            "delivery_seconds",
            "Acceptance to a device's acknowledgement",
            self.delivery_seconds.clone(),
        );
    }

    /// The text form (`OpenMetrics`, which Prometheus reads).
    ///
    /// # Errors
    /// Formatting fails only when memory does.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
