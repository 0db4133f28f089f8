//! Instants on the wire: XEP-0082 date-times in UTC with milliseconds.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant as milliseconds since 1970-01-01T00:00:00Z, written as `2026-11-21T11:42:00.123Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub u64);

/// 9999-12-31T23:59:59.999Z, the last instant with a four-digit year.
const LAST_MS: u64 = 253_402_300_799_999;

/// The text is not an XEP-0082 date-time between 1970 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date-time such as \"2026-11-21T11:42:00.123Z\"")]
pub struct DateTimeError;

impl DateTime {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }
}

/// Writes UTC with milliseconds; instants after 9999 are written as the last of 9999.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0.min(LAST_MS)) * 1_000_000;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| fmt::Error)?;
        let (date, (hour, minute, second, ms)) = (at.date(), at.time().as_hms_milli());
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// Reads any XEP-0082 date-time; what is finer than a millisecond is cut off.
impl FromStr for DateTime {
    type Err = DateTimeError;

    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| DateTimeError)?;
        let ms = at.unix_timestamp_nanos().div_euclid(1_000_000);
        u64::try_from(ms).ok().filter(|ms| *ms <= LAST_MS).map(Self).ok_or(DateTimeError)
    }
}

#[cfg(test)]
mod tests {
    use super::{DateTime, LAST_MS};

    #[test]
    fn writes_utc_with_milliseconds_and_reads_it_back() {
        let at = DateTime(1_795_261_320_123);
        assert_eq!(at.to_string(), "2026-11-21T11:42:00.123Z");
        assert_eq!("2026-11-21T11:42:00.123Z".parse(), Ok(at));
        assert_eq!(DateTime(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(DateTime(u64::MAX).to_string().parse(), Ok(DateTime(LAST_MS)));
    }

    #[test]
    fn reads_offsets_and_absent_fractions() {
        assert_eq!("1969-07-21T02:56:15Z".parse::<DateTime>().ok(), None);
        assert_eq!("1970-01-01T01:00:00+01:00".parse(), Ok(DateTime(0)));
        assert_eq!("1970-01-01T00:00:00.0019Z".parse(), Ok(DateTime(1)));
        assert!("1970-01-01".parse::<DateTime>().is_err());
        assert!("".parse::<DateTime>().is_err());
    }
}
