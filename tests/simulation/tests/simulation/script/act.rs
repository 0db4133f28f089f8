//! What a line does. Lines that name a phone that is not there, or want a server that is not up, do nothing: what made them possible may
//! have been left out. A line that nobody understands is a fault.

use std::str::{FromStr, Split};
use std::sync::Arc;

use longwire_client::heartbeat::NetworkId;
use longwire_client::{Network, Request, UserToken};
use longwire_core::devices::Change;
use longwire_model::{AudienceKey, Entry, Notification};

use crate::disk::Outage;
use crate::rng::Rng;
use crate::server::key;
use crate::world::{Shortage, World};

/// What stands for nothing.
pub(crate) const NONE: &str = "-";
/// What is in most notifications.
const PLAIN: &str = r#"{"title":"Door","body":"Bell"}"#;
/// A payload of a form that the phones do not know.
const UNUSABLE: &str = r#"{"title":7}"#;

/// User tokens for alice and bob, signed by the key of [`crate::calls::user_key`], until the year 2100.
const TOKENS: [(&str, &str); 2] = [
    (
        "alice",
        "eyJhbGciOiJFZERTQSIsImtpZCI6ImFwcCJ9.eyJzdWIiOiJhbGljZSIsImF1ZCI6ImV4YW1wbGUuY29tIiwiZXhwIjo0MTAyNDQ0ODAwfQ.\
         ECUPUcIssy9Qk6vE-t8dWTUR7BENJuwV56lW-kfTiHjACD7oWAZaqcC0EaqcBRzQokDVgi0Y_J85Bkpq2cufDw",
    ),
    (
        "bob",
        "eyJhbGciOiJFZERTQSIsImtpZCI6ImFwcCJ9.eyJzdWIiOiJib2IiLCJhdWQiOiJleGFtcGxlLmNvbSIsImV4cCI6NDEwMjQ0NDgwMH0.\
         8zP8kqAhUBpzzf9hovN6vFQQISeR8XMxrk1Ht86xBNUHpTcJMb8PSKH0v_33QdcUPSvlPsFT7YpTVqgBUd7-DQ",
    ),
];

/// The words of a line, one after the other.
struct Words<'a>(Split<'a, char>);

impl<'a> Words<'a> {
    fn word(&mut self) -> &'a str {
        self.0.next().expect("one more word")
    }

    fn number<T: FromStr>(&mut self) -> T {
        self.word().parse().ok().expect("a number")
    }

    /// A word, or none where there is a dash.
    fn maybe<T>(&mut self, read: impl FnOnce(&'a str) -> T) -> Option<T> {
        Some(self.word()).filter(|word| *word != NONE).map(read)
    }
}

impl World {
    /// Something happens, and is written down.
    pub(crate) fn act(&mut self, line: &str) {
        self.acts.lock().expect("nothing panics with it").push(line.to_owned());
        self.note(|| format!("> {line}"));
        let mut words = Words(line.split(' '));
        let what = words.word();
        let is_known = self.wait_act(what, &mut words)
            || self.traffic_act(what, &mut words)
            || self.operator_act(what, &mut words)
            || self.server_act(what, &mut words)
            || self.phone_act(what, &mut words);
        if !is_known {
            self.faults.push(format!("nobody understands: {line}"));
        }
    }

    fn wait_act(&mut self, what: &str, words: &mut Words<'_>) -> bool {
        match what {
            "wait" => {
                self.settle();
                self.run_for(words.number());
            }
            "until" => {
                self.settle();
                let (sign, most_ms, step_ms) = (words.word(), words.number::<u64>(), words.number());
                let until_ms = self.now_ms + most_ms;
                while self.now_ms < until_ms && !self.is_sign(sign) {
                    self.run_for(step_ms);
                }
            }
            _ => return false,
        }
        true
    }

    fn is_sign(&mut self, sign: &str) -> bool {
        match sign {
            "unsynced" => self.disk.is_unsynced(),
            "unannounced" => self.disk.is_unannounced(),
            "turned-away" => self.has_shed,
            _ => {
                let phone = sign.strip_prefix("in-flight:").and_then(|phone| phone.parse().ok()).expect("a sign");
                phone < self.phones.len() && self.in_flight(phone)
            }
        }
    }

    /// What senders and apps' back ends ask for.
    fn traffic_act(&mut self, what: &str, words: &mut Words<'_>) -> bool {
        match what {
            "send" => {
                let notification = self.notification(words);
                if let Some(server) = &self.server {
                    server.accept(notification);
                }
            }
            "recall" | "update" => {
                let (target, body) = (self.newest(words.number()), words.0.next());
                if let (Some(server), Some(target)) = (&self.server, target) {
                    match body {
                        Some(body) => server.update(target.id, format!(r#"{{"title":"Door","body":"{body}"}}"#)),
                        None => server.recall(target.id),
                    }
                }
            }
            "bind" | "join" | "leave" => {
                let (phone, key) = (words.number::<usize>(), words.maybe(key));
                let device = self.phones.get(phone).and_then(|own| own.device());
                let change = match (what, key) {
                    ("bind", key) => Change::User(key),
                    ("join", Some(key)) => Change::Join(key),
                    (_, key) => Change::Leave(key.expect("a key")),
                };
                if let (Some(server), Some(device)) = (&self.server, device) {
                    server.change(device, change);
                }
            }
            _ => return false,
        }
        true
    }

    fn notification(&self, words: &mut Words<'_>) -> Notification {
        let audience = words.word().split(',').map(|word| {
            let Some(phone) = word.strip_prefix('@') else { return key(word) };
            let phone: usize = phone.parse().expect("a phone");
            let device = self.phones.get(phone).and_then(|own| own.device());
            device.map_or_else(|| key("user:alice"), AudienceKey::device)
        });
        let audience: Vec<AudienceKey> = audience.collect();
        let ttl_seconds = words.number();
        let lane = words.word().parse().expect("a lane");
        let filter = words.maybe(|word| word.parse().expect("a filter"));
        let collapse_key = words.maybe(Arc::from);
        let payload = match words.word() {
            "plain" => PLAIN.into(),
            "unusable" => UNUSABLE.into(),
            word => {
                let kills = word.strip_prefix("deadly:").expect("a payload");
                format!(r#"{{"title":"Door","data":{{{}{kills}"}}}}"#, crate::phone::KILLS).into()
            }
        };
        Notification { audience: audience.into(), filter, lane, ttl_seconds, collapse_key, payload }
    }

    /// The newest notification of the log but so many.
    pub(crate) fn newest(&mut self, nth: usize) -> Option<Arc<Entry>> {
        self.book.follow(&self.disk);
        let seq = self.book.notifications.iter().rev().nth(nth)?;
        self.book.at(*seq).map(|commit| Arc::clone(&commit.entry))
    }

    /// What operators do.
    fn operator_act(&mut self, what: &str, words: &mut Words<'_>) -> bool {
        match what {
            "present" => {
                let token_ms = words.maybe(|word| word.parse().expect("a number"));
                self.begin_present(token_ms);
            }
            "sweep" => self.server.iter().for_each(|server| server.sweep()),
            "admit" => {
                if let Some(name) = self.disabled.iter().next().cloned() {
                    self.admit(name);
                }
            }
            "disable" | "change-password" | "remove-account" | "lose-account" => {
                let phone: usize = words.number();
                let Some(account) = self.phones.get(phone).and_then(|own| own.record().record.account) else {
                    return true;
                };
                match (what, &self.server) {
                    ("disable", _) => self.disable(account.name),
                    ("change-password", Some(_)) => self.change_password(account.name),
                    ("remove-account", Some(server)) => server.remove_account(account.name),
                    (_, Some(server)) => server.lose_account(account.name),
                    (_, None) => {}
                }
            }
            "copy" => {
                let copy = self.disk.copy();
                self.copies.push(copy);
            }
            "restore" => {
                let copy = words.number();
                if self.server.is_none() && copy < self.copies.len() {
                    self.restore(copy);
                }
            }
            "lose-store" if self.server.is_none() => self.lose_store(),
            "lose-store" => {}
            _ => return false,
        }
        true
    }

    /// What goes wrong on the server.
    fn server_act(&mut self, what: &str, words: &mut Words<'_>) -> bool {
        match what {
            "crash" => self.crash_server(words.word() == "silently"),
            "stop" => self.stop_server(),
            "start" => self.start_server_after(words.number()),
            "clock" => {
                self.skew_ms += words.number::<i64>();
                let now_ms = self.now_ms;
                self.set_clock(now_ms);
            }
            "disk" => match words.word() {
                "fails" => self.fail_store(),
                "full" => self.break_disk(Outage::Writes, words.number()),
                _ => self.break_disk(Outage::Everything, words.number()),
            },
            "memory" => {
                let level = if words.word() == "full" { Shortage::Full } else { Shortage::High };
                self.shorten(level, words.number());
            }
            _ => return false,
        }
        (0..self.phones.len()).for_each(|phone| self.look_at(phone));
        true
    }

    /// What goes wrong on a phone, or between it and the server, and what its app asks for.
    fn phone_act(&mut self, what: &str, words: &mut Words<'_>) -> bool {
        let Some(phone) = words.0.next().and_then(|word| word.parse::<usize>().ok()) else { return false };
        if phone >= self.phones.len() {
            return true;
        }
        let is_known = self.network_act(what, phone, words) || self.process_act(what, phone, words);
        (0..self.phones.len()).for_each(|phone| self.look_at(phone));
        is_known
    }

    fn network_act(&mut self, what: &str, phone: usize, words: &mut Words<'_>) -> bool {
        let (link, now_ms) = (self.phones[phone].conn, self.now_ms);
        match what {
            "slow" => self.airs[phone].slow = (words.number(), now_ms + words.number::<u64>()),
            "lossy" => self.airs[phone].lossy_until_ms = now_ms + words.number::<u64>(),
            "stalled" => self.airs[phone].stalled_until_ms = now_ms + words.number::<u64>(),
            "forgetful" => self.airs[phone].nat_ms = words.maybe(|word| word.parse().expect("a number")),
            "cut" => link.into_iter().for_each(|link| self.cut(link)),
            "reset" => link.into_iter().for_each(|link| self.reset(link)),
            "network" => {
                let network = match words.word() {
                    "none" => Network::None,
                    "usable" => Network::Usable,
                    id => Network::Known(NetworkId(id.parse().expect("a network"))),
                };
                self.network(phone, network);
            }
            "sleep" => {
                let sleeps = words.word().split(',').map(|sleep| {
                    let (from, to) = sleep.split_once('+').expect("from and for how long");
                    let from_ms = now_ms + from.parse::<u64>().expect("a number");
                    (from_ms, from_ms + to.parse::<u64>().expect("a number"))
                });
                self.phones[phone].sleeps = sleeps.collect();
            }
            _ => return false,
        }
        true
    }

    fn process_act(&mut self, what: &str, phone: usize, words: &mut Words<'_>) -> bool {
        match what {
            "kill" => self.kill_phone(phone, false, words.number()),
            "unplug" => self.kill_phone(phone, true, words.number()),
            "fill" => self.fill_phone(phone, words.number()),
            "wipe" => {
                self.kill_phone(phone, true, 0);
                self.phones[phone].is_gone = true;
                self.add_phone();
            }
            "clone" => {
                let index = self.phones.len();
                let twin = self.phones[phone].cloned(format!("phone {index}"), Rng::new(words.number(), index as u64));
                let twin = self.put_phone(twin);
                self.healths[twin] = self.healths[phone].clone();
            }
            "ask" => {
                let request = request(words);
                self.ask_phone(phone, request);
            }
            _ => return false,
        }
        true
    }
}

/// What an app asks for on its device.
fn request(words: &mut Words<'_>) -> Request {
    match words.word() {
        "join" => Request::Join(words.word().to_owned()),
        "leave" => Request::Leave(words.word().to_owned()),
        "logout" => Request::Logout,
        "memberships" => Request::Memberships,
        _ => {
            let user = words.word();
            let token = TOKENS.iter().find(|(name, _)| *name == user).expect("a user");
            Request::Login(UserToken(token.1.to_owned()))
        }
    }
}
