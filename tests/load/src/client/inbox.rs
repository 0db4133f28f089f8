//! What a device makes of what it reads: which payloads came, and what it owes for them.

use super::mqtt;

/// Before the number of a payload; nothing else that a server sends has it.
const MARK: u8 = b'~';
/// Digits of a payload's number.
const DIGITS: usize = 8;
/// Bytes of a payload.
const BODY_BYTES: usize = 100;

/// The text of the payload with this number.
pub(crate) fn body(number: u64) -> String {
    let text = format!("{}{number:0DIGITS$} ", char::from(MARK));
    format!("{text:x<BODY_BYTES$}")
}

/// What a device owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Nothing.
    Nothing,
    /// The position up to where it has stored (the push extension).
    Position,
    /// An answer to the ping behind a push (Longwire, to other clients).
    Pong,
    /// A PUBACK for each PUBLISH.
    Puback,
}

/// A device's view of what comes.
#[derive(Debug)]
pub(crate) struct Inbox {
    duty: Duty,
    last: Option<u64>,
    /// The position in the log.
    position: u64,
}

impl Inbox {
    /// Of a device that owes this.
    pub(crate) const fn new(duty: Duty) -> Self {
        Self { duty, last: None, position: 0 }
    }

    /// Up to where the device has been told of the log.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Takes what is whole out of `buffer`: tells `seen` the number of each payload, and appends what is owed to `reply`.
    pub(crate) fn take(&mut self, buffer: &mut Vec<u8>, mut seen: impl FnMut(u64), reply: &mut Vec<u8>) {
        let whole = match self.duty {
            Duty::Puback => mqtt::take(buffer, reply),
            Duty::Nothing | Duty::Position | Duty::Pong => {
                buffer.iter().rposition(|byte| matches!(byte, b'>' | b'\n')).map_or(0, |at| at + 1)
            }
        };
        let taken = buffer.get(..whole).unwrap_or_default();
        for number in marks(taken) {
            // Longwire gives other clients the text twice in one stanza: as a body and as JSON.
            if self.last.replace(number) != Some(number) {
                seen(number);
            }
        }
        match self.duty {
            Duty::Nothing | Duty::Puback => {}
            Duty::Position => self.acknowledge(taken, reply),
            Duty::Pong => pong(taken, reply),
        }
        buffer.drain(..whole);
        if buffer.is_empty() {
            *buffer = Vec::new();
        }
    }

    /// Acknowledges the last position of what came, once for all of it.
    fn acknowledge(&mut self, taken: &[u8], reply: &mut Vec<u8>) {
        let entry = last_number(taken, b" seq='");
        let cursor = last_number(taken, b"<cursor xmlns='urn:longwire:push:1' normal='");
        if let Some(position) = entry.max(cursor).filter(|position| *position > self.position) {
            self.position = position;
            reply.extend(format!("<ack xmlns='urn:longwire:push:1' normal='{position}'/>").into_bytes());
        }
    }
}

/// Answers the last ping behind a push.
fn pong(taken: &[u8], reply: &mut Vec<u8>) {
    let Some(at) = rfind(taken, b" id='lwp:") else { return };
    let id = taken.get(at + 5..).and_then(|rest| rest.split(|byte| *byte == b'\'').next()).unwrap_or_default();
    reply.extend_from_slice(b"<iq type='result' to='localhost' id='");
    reply.extend_from_slice(id);
    reply.extend_from_slice(b"'/>");
}

fn marks(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let behind = bytes.split(|byte| *byte == MARK).skip(1);
    behind.filter_map(|rest| std::str::from_utf8(rest.get(..DIGITS)?).ok()?.parse().ok())
}

fn last_number(bytes: &[u8], before: &[u8]) -> Option<u64> {
    let digits = bytes.get(rfind(bytes, before)? + before.len()..)?;
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(digits.get(..length)?).ok()?.parse().ok()
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `text` in two pieces, cut anywhere; every cut must give the same numbers and the same last reply.
    fn taken(duty: Duty, text: &[u8], cut: usize) -> (Vec<u64>, Vec<u8>) {
        let (mut inbox, mut seen, mut replies) = (Inbox::new(duty), Vec::new(), Vec::new());
        let mut buffer = Vec::new();
        for piece in [&text[..cut], &text[cut..]] {
            buffer.extend_from_slice(piece);
            let mut reply = Vec::new();
            inbox.take(&mut buffer, |number| seen.push(number), &mut reply);
            if !reply.is_empty() {
                replies = reply;
            }
        }
        assert!(buffer.is_empty());
        (seen, replies)
    }

    #[test]
    fn a_body_has_its_number_and_its_size() {
        assert!(body(7).starts_with("~00000007 xx") && body(99_999_999).len() == BODY_BYTES);
    }

    #[test]
    fn entries_are_acknowledged_by_the_last_position_wherever_they_are_cut() {
        let entry =
            |seq: u64| format!("<message id='a'><entry seq='{seq}' lane='normal'>{}</entry></message>", body(seq + 1));
        let text = format!("{}{}<cursor xmlns='urn:longwire:push:1' normal='12'/>", entry(10), entry(11));
        for cut in 0..text.len() {
            let (seen, reply) = taken(Duty::Position, text.as_bytes(), cut);
            assert_eq!(seen, [11, 12], "{cut}");
            assert_eq!(String::from_utf8_lossy(&reply), "<ack xmlns='urn:longwire:push:1' normal='12'/>", "{cut}");
        }
        assert_eq!(taken(Duty::Position, entry(0).as_bytes(), 3).1, b"", "what is not in the log has no position");
    }

    #[test]
    fn a_text_that_comes_twice_in_a_stanza_counts_once_and_its_ping_is_answered() {
        let text = format!(
            "<message><body>{0}</body><json>{0}</json></message><iq type='get' id='lwp:4:0' to='a'><ping/></iq>",
            body(3)
        );
        let (seen, reply) = taken(Duty::Pong, text.as_bytes(), 20);
        assert_eq!(seen, [3]);
        assert_eq!(String::from_utf8_lossy(&reply), "<iq type='result' to='localhost' id='lwp:4:0'/>");
    }

    #[test]
    fn lines_and_packets_are_whole_by_their_own_measure() {
        let lines = format!("{}\n{}\n", body(1), body(2));
        assert_eq!(taken(Duty::Nothing, lines.as_bytes(), 130), (vec![1, 2], Vec::new()));
        let packet = mqtt::publish("a", 6, body(9).as_bytes());
        assert_eq!(taken(Duty::Puback, &packet, 50), (vec![9], vec![0x40, 2, 0, 7]));
    }
}
