//! XML-36: ten thousand changed stanzas through our parser, rxml and expat. Beside it XML-35 and XML-37 on the same texts; on trees and cuts
//! that are made rather than found they stand in `protocol/src/codec/tests` and `server/c2s/tests/c2s/split.rs`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use longwire_fuzz::differential::rules::{self, RULES};
use longwire_fuzz::differential::{Verdict, agree, document, mutate, ours, rxml};

const TEXTS: u64 = 10_000;
/// Texts that must be accepted, and that must be refused: else the test shows nothing of one of them.
const EACH_MIN: usize = 1_500;

/// What expat makes of each document.
fn expat(documents: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expat.py");
    let python = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = python.expect("python3 starts");
    let mut input = Vec::new();
    for document in documents {
        input.extend_from_slice(&u32::try_from(document.len()).expect("a short document").to_be_bytes());
        input.extend_from_slice(document);
    }
    let mut stdin = python.stdin.take().expect("its input");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = python.wait_with_output().expect("python3 ends");
    writer.join().expect("the writer ends").expect("python3 reads all");
    assert!(output.status.success(), "python3 ended with {}", output.status);
    verdicts(&output.stdout, documents.len())
}

fn verdicts(mut output: &[u8], count: usize) -> Vec<Option<Vec<u8>>> {
    let mut take = |length: usize| {
        let (taken, rest) = output.split_at_checked(length).expect("an answer for each document");
        output = rest;
        taken.to_vec()
    };
    let mut verdicts = Vec::with_capacity(count);
    for _ in 0..count {
        let is_accepted = take(1) == [1];
        verdicts.push(is_accepted.then(|| {
            let length = u32::from_be_bytes(take(4).try_into().expect("four bytes"));
            take(usize::try_from(length).expect("a length"))
        }));
    }
    verdicts
}

#[test]
fn xml_36_what_we_accept_rxml_and_expat_accept_as_the_same_tree() {
    let texts: Vec<Vec<u8>> = (0..TEXTS).map(mutate::text).collect();
    let documents: Vec<Vec<u8>> = texts.iter().map(|text| document(text)).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for (text, expat) in texts.iter().zip(expat(&documents)) {
        let own = ours(text);
        if let Err(difference) = agree(text) {
            differences.push(format!("{difference}: {}", String::from_utf8_lossy(text)));
        }
        let word = match (&own, &expat) {
            (Verdict::Accepted(own), Some(other)) if own == other => "accepted",
            (Verdict::Accepted(_), _) => {
                let read = expat.as_deref().map(String::from_utf8_lossy);
                differences.push(format!("expat reads {read:?}: {}", String::from_utf8_lossy(text)));
                "accepted"
            }
            (Verdict::Refused(reason), _) if rxml(text).is_some() => *reason,
            (Verdict::Refused(_), Some(_)) => "refused, by rxml too, and not by expat",
            (Verdict::Refused(_), None) => "refused by all",
        };
        *counts.entry(word).or_default() += 1;
    }
    for (word, count) in &counts {
        println!("{count:>6} {word}");
    }
    let shown: Vec<&String> = differences.iter().take(10).collect();
    assert!(differences.is_empty(), "{} differences, of them {shown:#?}", differences.len());
    for word in ["accepted", "refused by all"] {
        assert!(counts.get(word).is_some_and(|count| *count >= EACH_MIN), "{word}: {counts:?}");
    }
}

#[test]
fn xml_36_every_rule_has_an_example_that_rxml_accepts() {
    for rule in RULES {
        let example = (rule.example)();
        let shown: String = example.chars().take(80).collect();
        assert_eq!(ours(example.as_bytes()), Verdict::Refused(rule.reason), "{shown}");
        assert!(rxml(example.as_bytes()).is_some(), "rxml refuses it too: {shown}");
        let own = rules::of(rule.reason, example.as_bytes());
        assert!(own.is_some_and(|found| std::ptr::eq(found, rule)), "{shown} does not fit its own rule");
        assert!(!rule.from.is_empty());
    }
}

/// The two differences that this table is against: a parser that is one too lax, and one that reads something else.
#[test]
fn xml_36_a_difference_is_seen() {
    assert!(rules::of("a malformed attribute", b"<a b=c/>").is_none(), "a rule about letters covers nothing else");
    assert!(rules::of("a comment", b"<!-- -->").is_none());
    let (one, other) = (ours(b"<a b='1'/>"), ours(b"<a b='2'/>"));
    assert_ne!(one, other, "trees tell values apart");
    assert_ne!(ours(b"<a>bc</a>"), ours(b"<a>b<c/></a>"));
    assert_eq!(ours(b"<p:a xmlns:p='u'/>"), ours(b"<a xmlns='u'/>"), "prefixes mean nothing");
}

#[test]
fn xml_35_and_37_hold_of_every_changed_stanza() {
    for number in 0..TEXTS / 5 {
        longwire_fuzz::run("codec", &mutate::text(number));
    }
}
