//! A network of its own: a namespace with nothing but loopback, in which server and phones run, and nftables between them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::shell::command;

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A network namespace; it goes when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A new one, with loopback up and no rule.
    ///
    /// # Errors
    /// This user may not make one.
    pub fn new() -> anyhow::Result<Self> {
        let name = format!("longwire-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        command("ip", &["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.run(&["ip", "link", "set", "lo", "up"])?;
        namespace.run(&["nft", "add", "table", "inet", "road"])?;
        namespace.run(&["nft", "add chain inet road input { type filter hook input priority 0 ; }"])?;
        Ok(namespace)
    }

    /// What a process is started behind to be inside.
    #[must_use]
    pub fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Its file, for what enters it by itself.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// Runs a program inside.
    ///
    /// # Errors
    /// It fails.
    pub fn run(&self, program: &[&str]) -> anyhow::Result<String> {
        command("ip", &[&["netns", "exec", self.name.as_str()][..], program].concat())
    }

    /// Adds a rule for what comes in at either end of connections to `port`, such as `drop`.
    ///
    /// # Errors
    /// nftables refuses it.
    pub fn rule(&self, port: u16, rule: &str) -> anyhow::Result<()> {
        for end in ["dport", "sport"] {
            self.run(&["nft", &format!("add rule inet road input tcp {end} {port} {rule}")])?;
        }
        Ok(())
    }

    /// Nothing passes any more, and nobody is told.
    ///
    /// # Errors
    /// nftables refuses it.
    pub fn black_hole(&self, port: u16) -> anyhow::Result<()> {
        self.rule(port, "drop")
    }

    /// A share of the segments is lost.
    ///
    /// # Errors
    /// nftables refuses it.
    pub fn lose(&self, port: u16, percent: u32) -> anyhow::Result<()> {
        self.rule(port, &format!("numgen random mod 100 < {percent} counter drop"))
    }

    /// How many segments were lost since the road was whole.
    ///
    /// # Errors
    /// nftables does not say.
    pub fn lost(&self) -> anyhow::Result<u64> {
        let chain = self.run(&["nft", "list chain inet road input"])?;
        let counts = chain.split("packets ").skip(1).filter_map(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        Ok(counts.sum())
    }

    /// What comes in is answered with a reset.
    ///
    /// # Errors
    /// nftables refuses it.
    pub fn reset(&self, port: u16) -> anyhow::Result<()> {
        self.run(&["nft", &format!("add rule inet road input tcp dport {port} reject with tcp reset")]).map(drop)
    }

    /// A carrier's NAT: a connection on which nothing passed for so many seconds is forgotten without a word.
    ///
    /// # Errors
    /// There is no connection tracking.
    pub fn forget_idle(&self, port: u16, seconds: u32) -> anyhow::Result<()> {
        let settings = format!(
            "echo {seconds} > /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established; \
             echo 0 > /proc/sys/net/netfilter/nf_conntrack_tcp_loose"
        );
        // Tracking begins with the first rule that asks for it.
        self.rule(port, "ct state invalid drop")?;
        self.run(&["sh", "-c", &settings]).map(drop)
    }

    /// Everything passes again.
    ///
    /// # Errors
    /// nftables refuses it.
    pub fn heal(&self) -> anyhow::Result<()> {
        self.run(&["nft", "flush chain inet road input"]).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing can be done where it fails; a namespace without processes costs next to nothing.
        drop(Command::new("ip").args(["netns", "delete", &self.name]).status());
    }
}
