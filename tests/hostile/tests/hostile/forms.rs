//! APN-05 and on: forms of `notification.do`, and uploads that are none.

use anyhow::ensure;
use longwire_test_support::{SOON, Wire};

use crate::beside::beside;
use crate::world::{ATTACKER, World};

const FORM: &str = "application/x-www-form-urlencoded";

/// Posts to `notification.do` from a trusted address; gives the status, and the end of a connection as 0.
fn post(world: &World, kind: &str, body: &[u8]) -> anyhow::Result<u16> {
    let headers = [("content-type", kind)];
    match world.server.client(None).send("POST", "/notification.do", &headers, body) {
        Ok(answer) => Ok(answer.status),
        Err(longwire_test_support::Failure::Unanswered(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

#[test]
fn apn_05_forms_that_are_none_are_refused_and_cost_their_bytes() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    let whole = "action=send&broadcast=Y&title=t&message=m";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("ten thousand fields", "a=b&".repeat(10_000).into_bytes()),
        ("a million ampersands", "&".repeat(1_000_000).into_bytes()),
        ("long", format!("{whole}&uri={}", "x".repeat(1_000_000)).into_bytes()),
        ("a NUL", format!("{whole}%00").into_bytes()),
        ("no UTF-8", format!("{whole}%ff%fe").into_bytes()),
        ("bytes that are no UTF-8", [whole.as_bytes(), b"\xff\xfe"].concat()),
        ("no XML", format!("{whole}%EF%BF%BE").into_bytes()),
    ];
    beside("apn_05", &world, 8, || {
        for (what, body) in &cases {
            let status = post(&world, FORM, body)?;
            ensure!(matches!(status, 400 | 404 | 413), "{what} was answered {status}");
        }
        Ok(())
    })
}

#[test]
fn apn_06_uploads_that_are_none_are_refused_and_cost_their_bytes() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    let kind = "multipart/form-data; boundary=b";
    let part = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nt\r\n";
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("no boundary", "multipart/form-data", part.into()),
        ("an empty boundary", "multipart/form-data; boundary=", part.into()),
        (
            "a long boundary",
            "multipart/form-data; boundary=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            part.into(),
        ),
        ("no end", kind, part.into()),
        ("ten thousand parts", kind, part.repeat(10_000).into()),
        ("a head without end", kind, format!("--b\r\nContent-Disposition: {}", "x".repeat(190_000)).into()),
        ("a head of many lines", kind, format!("--b\r\n{}\r\nx\r\n--b--", "a: b\r\n".repeat(20_000)).into()),
        ("boundaries alone", kind, "--b\r\n".repeat(30_000).into()),
        ("almost boundaries", kind, "\r\n--".repeat(40_000).into()),
        (
            "a multipart within",
            kind,
            part.replace("\r\n\r\nt", "\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nt").into(),
        ),
        (
            "a file",
            kind,
            "--b\r\nContent-Disposition: form-data; name=\"title\"; filename=\"../../x\"\r\n\r\nt\r\n--b--\r\n".into(),
        ),
    ];
    beside("apn_06", &world, 12, || {
        for (what, kind, body) in &cases {
            let status = post(&world, kind, body)?;
            ensure!(matches!(status, 400 | 404 | 413 | 415), "{what} was answered {status}");
        }
        Ok(())
    })
}

#[test]
fn apn_07_a_page_repeats_nothing_that_a_caller_wrote_as_markup() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    let script = "<script>alert(1)</script>";
    beside("apn_07", &world, 8, || {
        for path in ["/notification.do", "/index.do", "/user_api.do", "/%3Cscript%3Ealert(1)%3C/script%3E.do"] {
            for query in [
                "?title=%3Cscript%3Ealert(1)%3C/script%3E&error=%3Cscript%3Ealert(1)%3C/script%3E",
                "?%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
            ] {
                let answer = world.server.client(None).send(
                    "GET",
                    &format!("{path}{query}"),
                    &[("accept", "text/html")],
                    b"",
                )?;
                ensure!(answer.status < 500, "{path}: {}", answer.status);
                ensure!(!answer.text().contains(script), "{path}: {}", answer.text());
                let told = answer.headers.iter().any(|(_, value)| value.contains(script) || value.contains('\n'));
                ensure!(!told, "{path}: {:?}", answer.headers);
            }
        }
        Ok(())
    })
}

#[test]
fn apn_08_a_form_that_never_ends_is_given_up() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    beside("apn_08", &world, 50, || {
        let mut slow = Vec::new();
        for _ in 0..50 {
            let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.http)?;
            wire.send(&format!(
                "POST /notification.do HTTP/1.1\r\nhost: localhost\r\ncontent-type: {FORM}\r\ncontent-length: 1000\r\n\r\ntitle="
            ))?;
            slow.push(wire);
        }
        for mut wire in slow {
            let answer = wire.expect_close(SOON * 2)?;
            ensure!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        Ok(())
    })
}
