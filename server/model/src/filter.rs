//! Filters: terms that a device must satisfy, evaluated when an entry is first considered for it (DESIGN rule 4).

use std::fmt;
use std::str::FromStr;

use crate::audience::AudienceKey;
use crate::limits::FILTER_TERMS_MAX;

/// A conjunction of tag terms: `tag:beta && !tag:muted`. The first part of the expression grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<Term>);

/// One term: the device carries the tag, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    wanted: bool,
    tag: AudienceKey,
}

/// Why a text is not a filter; `column` counts characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A term is not `tag:NAME` or `!tag:NAME`.
    #[error("column {column}: {term:?} is not a term: use tag:NAME or !tag:NAME, joined by &&")]
    Term {
        /// Where the term starts.
        column: usize,
        /// The term as given.
        term: String,
    },
    /// More than 16 terms.
    #[error("more than {FILTER_TERMS_MAX} terms")]
    TooMany,
}

impl Filter {
    /// Whether a device passes; `has` tells whether it carries a tag key at this moment.
    pub fn passes(&self, mut has: impl FnMut(&AudienceKey) -> bool) -> bool {
        self.0.iter().all(|term| has(&term.tag) == term.wanted)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut terms = Vec::new();
        let mut column = 1;
        for part in text.split("&&") {
            let term = part.trim();
            let (wanted, name) = term.strip_prefix('!').map_or((true, term), |rest| (false, rest));
            let tag = name.strip_prefix("tag:").and_then(|name| AudienceKey::tag(name).ok());
            let Some(tag) = tag else {
                let start = column + part.chars().take_while(|c| c.is_whitespace()).count();
                return Err(FilterError::Term { column: start, term: term.chars().take(64).collect() });
            };
            terms.push(Term { wanted, tag });
            column += part.chars().count() + 2;
        }
        if terms.len() > FILTER_TERMS_MAX { Err(FilterError::TooMany) } else { Ok(Self(terms)) }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" && ")?;
            }
            write!(f, "{}{}", if term.wanted { "" } else { "!" }, term.tag)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_all_required() {
        let filter: Filter = "tag:beta && !tag:muted".parse().expect("a filter");
        let carries = |tags: &[&str]| filter.passes(|key| tags.contains(&key.name()));
        assert!(carries(&["beta"]));
        assert!(!carries(&[]));
        assert!(!carries(&["beta", "muted"]));
        assert_eq!(filter.to_string(), "tag:beta && !tag:muted");
    }

    #[test]
    fn an_error_points_at_the_column() {
        let error = "tag:beta &&  user:bob".parse::<Filter>();
        assert_eq!(error, Err(FilterError::Term { column: 14, term: "user:bob".into() }));
        assert!(matches!("".parse::<Filter>(), Err(FilterError::Term { column: 1, .. })));
        let many = vec!["tag:a"; FILTER_TERMS_MAX + 1].join("&&");
        assert_eq!(many.parse::<Filter>(), Err(FilterError::TooMany));
    }
}
