//! From a target to the keys that the log knows.

use longwire_core::androidpn::{alias_key, tag_key};
use longwire_model::AudienceKey;

use super::broadcast::Target;
use crate::Api;
use crate::problem::{Code, Problem};

/// The keys of a target. Who is named and does not exist is refused, since nobody would ever get it; a tag may be nobody's for now.
pub(super) async fn keys(api: &Api, target: &Target) -> Result<Vec<AudienceKey>, Problem> {
    match target {
        Target::All => Ok(vec![AudienceKey::all()]),
        Target::User(name) => {
            let devices = api.core.androidpn_devices(name).await?;
            if devices.is_empty() {
                return Err(nobody("username", name, "user"));
            }
            Ok(devices.into_iter().map(AudienceKey::device).collect())
        }
        Target::Alias(alias) => {
            let key =
                alias_key(alias).ok_or_else(|| Problem::invalid("alias", "this cannot be an alias: it is too long"))?;
            let size = api.core.store.audience_size(api.core.log.app(), std::slice::from_ref(&key)).await;
            if size.map_err(longwire_core::CoreError::from)? == 0 {
                return Err(nobody("alias", alias, "alias"));
            }
            Ok(vec![key])
        }
        Target::Tags(tags) => {
            let key = |tag: &String| {
                tag_key(tag).ok_or_else(|| {
                    Problem::invalid("tag", "this cannot be a tag: it is too long, or begins with alias:")
                })
            };
            tags.iter().map(key).collect()
        }
    }
}

fn nobody(field: &str, name: &str, what: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::new(Code::NotFound, format!("there is no {what} {name:?}: nothing was sent"))
        .with_field(field)
        .with_hint("/user_api.do lists the names of users")
}
