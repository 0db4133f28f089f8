//! From a target to the keys that the log knows.

use longwire_core::androidpn::{alias_key, tag_key};
use longwire_model::AudienceKey;

use super::broadcast::Target;
use crate::Api;
use crate::fields::shorten;
use crate::problem::{Code, Problem};

/// The keys of a target. Who is named and does not exist is refused, since nobody would ever get it; a tag may be nobody's for now.
pub(super) async fn keys(api: &Api, target: &Target) -> Result<Vec<AudienceKey>, Problem> {
    match target {
        Target::All => Ok(vec![AudienceKey::all()]),
        Target::User(name) => user(api, name).await,
        Target::Alias(alias) => {
            let key =
                alias_key(alias).ok_or_else(|| Problem::invalid("alias", "this cannot be an alias: it is too long"))?;
            if size(api, &key).await? == 0 {
                return Err(nobody("alias", alias).with_hint(
                    "phones say their alias by `setalias`; in the API it is a tag that begins with alias:",
                ));
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

/// The devices of the account of this name, however it is written, and those that are bound to the user of exactly this name: an app that
/// has moved to the new library has no account that scripts know, and binds its device to its user.
async fn user(api: &Api, name: &str) -> Result<Vec<AudienceKey>, Problem> {
    let devices = api.core.androidpn_devices(name).await?;
    let mut keys: Vec<AudienceKey> = devices.into_iter().map(AudienceKey::device).collect();
    // What cannot be a user is nobody's.
    if let Ok(user) = AudienceKey::user(name)
        && size(api, &user).await? > 0
    {
        keys.push(user);
    }
    if keys.is_empty() {
        return Err(nobody("username", name).with_hint(
            "/user_api.do lists the names of accounts, GET /v1/devices the users that devices are bound to",
        ));
    }
    Ok(keys)
}

async fn size(api: &Api, key: &AudienceKey) -> Result<u64, Problem> {
    let size = api.core.store.audience_size(api.core.log.app(), std::slice::from_ref(key)).await;
    Ok(size.map_err(longwire_core::CoreError::from)?)
}

fn nobody(field: &str, name: &str) -> Problem {
    let what = if field == "alias" { "alias" } else { "user" };
    let name = shorten(name);
    Problem::new(Code::NotFound, format!("there is no {what} {name:?}: nothing was sent")).with_field(field)
}
