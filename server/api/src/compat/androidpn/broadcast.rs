//! Whom `broadcast` means: the one word in which the original and each of its forks differ.

use super::form::Form;
use crate::fields::missing;
use crate::problem::Problem;

/// For whom a notification is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Every device.
    All,
    /// The devices of one account, and of the user of the same name.
    User(String),
    /// Who has said that this is its name.
    Alias(String),
    /// Who has said one of these.
    Tags(Vec<String>),
}

/// Reads `broadcast`, with `username`, `alias` and `tag` where it leads to them. What only one dialect knows means that; what two of them
/// read differently reaches whoever is named, and everybody only where nobody is.
pub(super) fn target(form: &Form) -> Result<Target, Problem> {
    let broadcast = form.text("broadcast")?.map(|text| text.trim().to_ascii_lowercase());
    let user = form.word("username")?.map(Target::User);
    let nobody = || {
        missing("username")
            .with_hint("broadcast=Y sends to every device, anything else to the one that `username` names")
    };
    match broadcast.as_deref() {
        None | Some("y") => Ok(Target::All),
        Some("0" | "1" | "true") => Ok(user.unwrap_or(Target::All)),
        Some("2") => match form.word("alias")? {
            Some(alias) => Ok(Target::Alias(alias)),
            None => user.ok_or_else(|| missing("alias")),
        },
        Some("3") => match tags(form)? {
            Some(tags) => Ok(tags),
            None => user.ok_or_else(|| missing("tag")),
        },
        Some("") => user.ok_or_else(|| {
            Problem::invalid("broadcast", "broadcast is empty, and there is no username")
                .with_hint("broadcast=Y sends to every device, broadcast=N to the one that `username` names")
        }),
        Some(_) => user.ok_or_else(nobody),
    }
}

/// `tag` of one fork, `tags` of the other, with commas between several.
fn tags(form: &Form) -> Result<Option<Target>, Problem> {
    let Some(text) = form.word("tag")?.map_or_else(|| form.word("tags"), |tag| Ok(Some(tag)))? else {
        return Ok(None);
    };
    let tags: Vec<String> = text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    Ok(Some(Target::Tags(tags)).filter(|target| *target != Target::Tags(Vec::new())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Target, Option<String>> {
        target(&Form::of(query)).map_err(|problem| {
            let problem = serde_json::to_value(problem.document("-")).expect("JSON");
            problem["field"].as_str().map(str::to_owned)
        })
    }

    #[test]
    fn every_dialect_means_what_it_meant() {
        let user = || Ok(Target::User("u".to_owned()));
        let lacks = |field: &str| Err(Some(field.to_owned()));
        for (query, expected) in [
            ("", Ok(Target::All)),
            ("username=u", Ok(Target::All)),
            ("broadcast=Y", Ok(Target::All)),
            ("broadcast=y&username=u", Ok(Target::All)),
            ("broadcast=N&username=u", user()),
            ("broadcast=n&username=+u+", user()),
            ("broadcast=N", lacks("username")),
            ("broadcast=N&username=", lacks("username")),
            ("broadcast=0", Ok(Target::All)),
            ("broadcast=0&username=+", Ok(Target::All)),
            ("broadcast=0&username=u", user()),
            ("broadcast=1&username=u", user()),
            ("broadcast=1&username=", Ok(Target::All)),
            ("broadcast=True", Ok(Target::All)),
            ("broadcast=true&username=u", user()),
            ("broadcast=False&username=u", user()),
            ("broadcast=False", lacks("username")),
            ("broadcast=", lacks("broadcast")),
            ("broadcast=+&username=", lacks("broadcast")),
            ("broadcast=&username=u", user()),
            ("broadcast=2&alias=a&username=u", Ok(Target::Alias("a".to_owned()))),
            ("broadcast=2&username=u", user()),
            ("broadcast=2", lacks("alias")),
            ("broadcast=3&tag=t", Ok(Target::Tags(vec!["t".to_owned()]))),
            ("broadcast=3&tags=t,+v,,", Ok(Target::Tags(vec!["t".to_owned(), "v".to_owned()]))),
            ("broadcast=3&tag=,&username=u", user()),
            ("broadcast=3", lacks("tag")),
            ("broadcast=4&username=u", user()),
            ("broadcast=%01", lacks("broadcast")),
        ] {
            assert_eq!(read(query), expected, "{query}");
        }
    }
}
