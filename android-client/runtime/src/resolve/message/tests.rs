//! Good, broken and hostile answers.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use simple_dns::ResourceRecord;
use simple_dns::rdata::{A, CNAME, SRV};

use super::*;

const NAME: &str = "_xmpps-client._tcp.example.com";

fn reply<'a>(name: &'a str, kind: Kind) -> Packet<'a> {
    let mut packet = Packet::new_reply(7);
    let name = Name::new(name).expect("a name");
    let (kind, class) = (QTYPE::TYPE(kind.record_type()), QCLASS::CLASS(CLASS::IN));
    packet.questions.push(Question::new(name, kind, class, false));
    packet
}

fn srv<'a>(owner: &'a str, target: &'a str, ttl: u32) -> ResourceRecord<'a> {
    let target = Name::new(target).expect("a name");
    let data = RData::SRV(SRV { priority: 1, weight: 2, port: 5223, target });
    ResourceRecord::new(Name::new(owner).expect("a name"), CLASS::IN, ttl, data)
}

fn said(packet: &Packet<'_>) -> Option<Said> {
    read(&packet.build_bytes_vec_compressed().expect("bytes"), 7, NAME, Kind::Srv)
}

fn found(target: &str, ttl_s: u32) -> Option<Said> {
    let record = SrvRecord { priority: 1, weight: 2, port: 5223, target: target.into() };
    Some(Said::Srv(SrvAnswer::Found { records: vec![record], ttl_s }))
}

#[test]
fn records_of_the_name_and_of_its_alias_are_believed_and_no_others() {
    let mut packet = reply("_XMPPS-client._tcp.Example.com", Kind::Srv);
    packet.answers.push(srv("_xmpps-client._tcp.evil.example", "evil.example", 9));
    assert_eq!(said(&packet), Some(Said::Srv(SrvAnswer::Absent)));
    packet.answers.push(srv(NAME, "Push.example.com", 300));
    assert_eq!(said(&packet), found("push.example.com", 300));
    let mut packet = reply(NAME, Kind::Srv);
    let alias = RData::CNAME(CNAME(Name::new("srv.example.net").expect("a name")));
    packet.answers.push(ResourceRecord::new(Name::new(NAME).expect("a name"), CLASS::IN, 60, alias));
    packet.answers.push(srv("srv.example.net", "push.example.net", 300));
    assert_eq!(said(&packet), found("push.example.net", 60));
}

#[test]
fn the_root_and_a_ttl_that_is_none() {
    let mut packet = reply(NAME, Kind::Srv);
    packet.answers.push(srv(NAME, ".", u32::MAX));
    assert_eq!(said(&packet), found(".", 0));
}

#[test]
fn absence_failure_and_truncation_are_told_apart() {
    for (rcode, expected) in [
        (RCODE::NoError, Said::Srv(SrvAnswer::Absent)),
        (RCODE::NameError, Said::Srv(SrvAnswer::Absent)),
        (RCODE::ServerFailure, Said::Failed),
        (RCODE::Refused, Said::Failed),
        (RCODE::NotImplemented, Said::Failed),
        (RCODE::FormatError, Said::Failed),
    ] {
        let mut packet = reply(NAME, Kind::Srv);
        *packet.rcode_mut() = rcode;
        assert_eq!(said(&packet), Some(expected), "{rcode:?}");
    }
    let mut packet = reply(NAME, Kind::Srv);
    packet.set_flags(PacketFlag::TRUNCATION);
    assert_eq!(said(&packet), Some(Said::Truncated));
}

#[test]
fn what_answers_another_question_is_no_answer() {
    let mut packet = reply(NAME, Kind::Srv);
    packet.set_id(8);
    assert_eq!(said(&packet), None, "another id");
    assert_eq!(said(&reply("_xmpp-client._tcp.example.com", Kind::Srv)), None, "another name");
    assert_eq!(said(&reply(NAME, Kind::V4)), None, "another type");
    let query = question(7, NAME, Kind::Srv).expect("a question");
    assert_eq!(read(&query, 7, NAME, Kind::Srv), None, "no answer at all");
}

#[test]
fn addresses_are_read() {
    let mut packet = reply("push.example.com", Kind::V4);
    let data = RData::A(A::from(Ipv4Addr::LOCALHOST));
    let name = Name::new("push.example.com").expect("a name");
    packet.answers.push(ResourceRecord::new(name, CLASS::IN, 1, data));
    let bytes = packet.build_bytes_vec().expect("bytes");
    let expected = Said::Addresses(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    assert_eq!(read(&bytes, 7, "push.example.com", Kind::V4), Some(expected));
}

#[test]
fn names_that_point_at_themselves_end() {
    let mut bytes = question(7, NAME, Kind::Srv).expect("a question");
    bytes[2] |= 0x80;
    bytes[7] = 1;
    let here = u16::try_from(bytes.len()).expect("short");
    bytes.extend((here | 0xC000).to_be_bytes());
    bytes.extend([0, 33, 0, 1, 0, 0, 0, 9, 0, 2, 0xC0, 0]);
    assert_eq!(read(&bytes, 7, NAME, Kind::Srv), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read(&bytes, 7, NAME, Kind::Srv);
    }

    #[test]
    fn an_answer_that_was_damaged_does_not_panic(at in 0..200_usize, byte: u8, cut in 0..200_usize) {
        let mut packet = reply(NAME, Kind::Srv);
        (0..4).for_each(|_| packet.answers.push(srv(NAME, "push.example.com", 300)));
        let mut bytes = packet.build_bytes_vec_compressed().expect("bytes");
        let length = bytes.len();
        bytes[at % length] = byte;
        read(&bytes, 7, NAME, Kind::Srv);
        bytes.truncate(cut);
        read(&bytes, 7, NAME, Kind::Srv);
    }

    #[test]
    fn no_name_panics(name in ".*") {
        if let Some(bytes) = question(7, &name, Kind::Srv) {
            read(&bytes, 7, &name, Kind::Srv);
        }
    }
}
