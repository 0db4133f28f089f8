//! As much of MQTT 3.1.1 as the harness needs: CONNECT, SUBSCRIBE, PUBLISH with `QoS` 1, and taking apart what comes.

/// The answer to a heartbeat.
pub(crate) const PINGRESP: &[u8] = &[0xd0, 0];
/// A heartbeat.
pub(crate) const PINGREQ: &[u8] = &[0xc0, 0];

/// CONNECT without keep-alive; a session that is not clean is kept for the client while it is away.
pub(crate) fn connect(client: &str, is_clean: bool) -> Vec<u8> {
    let mut rest = text("MQTT");
    rest.extend_from_slice(&[4, if is_clean { 2 } else { 0 }, 0, 0]);
    rest.extend(text(client));
    packet(0x10, &rest)
}

/// SUBSCRIBE with `QoS` 1.
pub(crate) fn subscribe(topics: &[&str]) -> Vec<u8> {
    let mut rest = vec![0, 1];
    for topic in topics {
        rest.extend(text(topic));
        rest.push(1);
    }
    packet(0x82, &rest)
}

/// PUBLISH with `QoS` 1; its id is never 0.
pub(crate) fn publish(topic: &str, number: u64, payload: &[u8]) -> Vec<u8> {
    let mut rest = text(topic);
    let id = u16::try_from(number % 65_535).unwrap_or_default() + 1;
    rest.extend_from_slice(&id.to_be_bytes());
    rest.extend_from_slice(payload);
    packet(0x32, &rest)
}

/// PUBLISH with `QoS` 0, which nobody acknowledges.
pub(crate) fn publish_unkept(topic: &str, payload: &[u8]) -> Vec<u8> {
    packet(0x30, &[&text(topic), payload].concat())
}

/// Takes apart what came: gives the bytes of whole packets, and appends the acknowledgement of each PUBLISH with `QoS` 1 to `reply`.
pub(crate) fn take(bytes: &[u8], reply: &mut Vec<u8>) -> usize {
    let mut taken = 0;
    while let Some((kind, rest, length)) = bytes.get(taken..).and_then(split) {
        if kind & 0xf6 == 0x32 {
            reply.extend(publish_id(rest).map(|[high, low]| [0x40, 2, high, low]).into_iter().flatten());
        }
        taken += length;
    }
    taken
}

fn publish_id(rest: &[u8]) -> Option<[u8; 2]> {
    let topic = rest.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)))?;
    rest.get(2 + topic..)?.first_chunk::<2>().copied()
}

/// The first packet: its first byte, what stands behind its length, and all its bytes; none while it is not whole.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (mut length, mut shift, mut at) = (0_usize, 0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7f) << shift;
        at += 1;
        shift += 7;
        if byte < 0x80 || shift > 21 {
            break;
        }
    }
    Some((*bytes.first()?, bytes.get(at..at + length)?, at + length))
}

fn packet(kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut length = rest.len();
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            packet.push(low);
            break;
        }
        packet.push(low | 0x80);
    }
    packet.extend_from_slice(rest);
    packet
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_those_of_the_standard() {
        assert_eq!(connect("a", true), b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01a");
        assert_eq!(connect("a", false)[9], 0);
        assert_eq!(subscribe(&["b"]), b"\x82\x06\0\x01\0\x01b\x01");
        assert_eq!(publish("b", 65_534, b"xy"), b"\x32\x07\0\x01b\xff\xffxy");
        assert_eq!(publish("b", 65_535, b"")[5..], [0, 1]);
        assert_eq!(publish_unkept("b", b"xy"), b"\x30\x05\0\x01bxy");
    }

    #[test]
    fn each_publish_is_acknowledged_once_it_is_whole() {
        let long = [b'x'; 300];
        let bytes = [publish("topic", 4, &long), PINGRESP.to_vec(), publish("topic", 5, b"z")].concat();
        let mut reply = Vec::new();
        assert_eq!(take(&bytes, &mut reply), bytes.len());
        assert_eq!(reply, [0x40, 2, 0, 5, 0x40, 2, 0, 6]);
        reply.clear();
        assert_eq!((take(&bytes[..bytes.len() - 1], &mut reply), reply.len()), (bytes.len() - 12, 4));
    }
}
