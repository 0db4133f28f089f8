//! From when until when a certificate is good (RFC 5280 §4.1.2.5), read out of its DER.

use longwire_model::Timestamp;

/// The tag of the version, which old certificates have none of.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// From when until when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub from: Timestamp,
    /// The last.
    pub until: Timestamp,
}

impl Validity {
    /// That of a certificate in DER; none when it cannot be read.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate, _) = element(certificate)?;
        let (_, mut rest, _) = element(certificate)?;
        if rest.first() == Some(&VERSION) {
            (_, _, rest) = element(rest)?;
        }
        // Serial number, signature algorithm, issuer.
        for _ in 0..3 {
            (_, _, rest) = element(rest)?;
        }
        let (_, validity, _) = element(rest)?;
        let (kind, from, rest) = element(validity)?;
        let from = instant(kind, from)?;
        let (kind, until, _) = element(rest)?;
        Some(Self { from, until: instant(kind, until)? })
    }
}

/// The tag and content of the first element, and what follows it.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = input.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn instant(kind: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let (century, year_digits) = match kind {
        UTC_TIME => (if text < "5" { "20" } else { "19" }, 2),
        GENERALIZED_TIME => ("", 4),
        _ => return None,
    };
    let (year, rest) = text.split_at_checked(year_digits)?;
    let digits = rest.strip_suffix('Z').filter(|digits| digits.len() == 10)?;
    let part = |at: usize| digits.get(at..at + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    format!("{century}{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn both_forms_of_time_are_read_and_nothing_else() {
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        // The years up to 2049 have two digits, later ones four.
        (parameters.not_before, parameters.not_after) = (date_time_ymd(1999, 12, 31), date_time_ymd(2099, 1, 2));
        let made = parameters.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate");
        let read = Validity::of(made.der()).expect("its times");
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        assert_eq!(read, Validity { from: at("1999-12-31T00:00:00Z"), until: at("2099-01-02T00:00:00Z") });
        for end in 0..made.der().len() {
            // Whatever is missing, it is no panic.
            let cut = made.der().get(..end).and_then(Validity::of);
            assert_eq!(cut, None, "{end}");
        }
        assert_eq!(instant(UTC_TIME, b"491231235959Z"), Some(at("2049-12-31T23:59:59Z")));
        assert_eq!(instant(UTC_TIME, b"500101000000Z"), Some(at("1950-01-01T00:00:00Z")));
        for wrong in [&b"20260101000000Z"[..], b"260101000000", b"260101000000+0100", b"26010100000Z", b"\xff"] {
            assert_eq!(instant(UTC_TIME, wrong), None);
        }
        assert_eq!(instant(4, b"260101000000Z"), None);
    }
}
