//! Counters in Prometheus' text form.

use prometheus_client::encoding::text::encode;
pub use prometheus_client::metrics::counter::Counter;
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
    /// Groups of writes that the store did not commit.
    pub store_failures: Counter,
    /// Bytes of memory that the process has.
    pub memory_used: Gauge,
    /// Bytes near which nothing new is taken; 0 without a ceiling.
    pub memory_ceiling: Gauge,
    /// How short memory is: 0 calm, 1 high, 2 full.
    pub memory_level: Gauge,
    /// HTTP requests refused because memory was short.
    pub requests_shed: Counter,
    /// HTTP requests refused because as many as may be were worked on.
    pub requests_overloaded: Counter,
    /// Connections turned away because memory was short.
    pub connections_shed: Counter,
    /// Connections turned away because their address had too many before login.
    pub connections_refused: Counter,
    /// TLS handshakes of XMPP clients that failed.
    pub tls_failures: Counter,
    /// Those of them in which the client's certificate was refused, or missing.
    pub client_certificates_refused: Counter,
    /// When the server's certificate expires, in seconds since 1970.
    pub certificate_expiration: Gauge,
    /// Lines of the log that nobody took in time.
    pub log_lines_dropped: Counter,
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
            store_failures: Counter::default(),
            memory_used: Gauge::default(),
            memory_ceiling: Gauge::default(),
            memory_level: Gauge::default(),
            requests_shed: Counter::default(),
            requests_overloaded: Counter::default(),
            connections_shed: Counter::default(),
            connections_refused: Counter::default(),
            tls_failures: Counter::default(),
            client_certificates_refused: Counter::default(),
            certificate_expiration: Gauge::default(),
            log_lines_dropped: Counter::default(),
            accept_seconds: histogram(),
            send_seconds: histogram(),
            delivery_seconds: histogram(),
        };
        metrics.register();
        metrics.register_troubles();
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

    /// What an operator is woken for.
    fn register_troubles(&mut self) {
        let registry = &mut self.registry;
        let counters = [
            ("store_failures", "Groups of writes that the store did not commit", &self.store_failures),
            ("requests_shed", "HTTP requests refused because memory was short", &self.requests_shed),
            ("requests_overloaded", "HTTP requests refused because too many were worked on", &self.requests_overloaded),
            ("connections_shed", "Connections turned away because memory was short", &self.connections_shed),
            ("connections_refused", "Connections turned away: too many of their address", &self.connections_refused),
            ("tls_failures", "TLS handshakes of XMPP clients that failed", &self.tls_failures),
            (
                "client_certificates_refused",
                "TLS handshakes whose client showed no certificate, or one that was refused",
                &self.client_certificates_refused,
            ),
            ("log_lines_dropped", "Lines of the log that nobody took in time", &self.log_lines_dropped),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let gauges = [
            ("memory_used_bytes", "Memory that the process has", &self.memory_used),
            ("memory_ceiling_bytes", "Memory near which nothing new is taken, 0 without one", &self.memory_ceiling),
            ("memory_level", "How short memory is: 0 calm, 1 high, 2 full", &self.memory_level),
            (
                "certificate_expiration_timestamp_seconds",
                "When the server's certificate expires, since 1970",
                &self.certificate_expiration,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
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
