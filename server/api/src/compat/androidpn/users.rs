//! `user_api.do` of a fork: the names of accounts.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use longwire_model::{Scope, Timestamp};

use super::form::Form;
use super::{access, answer, send};
use crate::Api;
use crate::problem::Problem;

/// Accounts that are read from the store at once.
const PAGE: u32 = 1_000;

/// `{"data":["name", …]}`, of those since `from` and online or not where these are asked for.
pub(super) async fn users(State(api): State<Arc<Api>>, request: Request) -> Response {
    match list(&api, request).await {
        Ok(names) => {
            // A comma and a space, as the fork prints its list.
            let names: Vec<String> = names.into_iter().map(|name| serde_json::Value::from(name).to_string()).collect();
            let body = format!("{{\"data\":[{}]}}", names.join(", "));
            ([("content-type", "application/json;charset=UTF-8")], body).into_response()
        }
        Err(problem) => answer::refusal(send::as_old(problem)),
    }
}

async fn list(api: &Api, request: Request) -> Result<Vec<String>, Problem> {
    let (parts, form) = Form::read(request).await?;
    access::admit(api, &parts, &form, Scope::Read).await?;
    if let Some(other) = form.word("action")?.filter(|action| action != "list") {
        return Err(send::no_action(&other));
    }
    let from = form.word("from")?.map(|text| instant(&text)).transpose()?;
    let is_online = form.word("online")?.map(|text| online(&text)).transpose()?;
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = api.core.androidpn_users(after.as_deref(), PAGE).await?;
        after = page.last().map(|user| user.name.clone());
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        let asked = page.into_iter().filter(|user| {
            from.is_none_or(|from| user.created_at >= from) && is_online.is_none_or(|asked| asked == user.is_online)
        });
        names.extend(asked.map(|user| user.name));
        if is_last {
            return Ok(names);
        }
    }
}

/// `yyyy-MM-dd HH:mm:ss`, in UTC.
fn instant(text: &str) -> Result<Timestamp, Problem> {
    let read = text.split_once(' ').and_then(|(day, time)| format!("{day}T{}Z", time.trim()).parse().ok());
    read.ok_or_else(|| Problem::invalid("from", "not a time such as 2012-04-12 15:04:55"))
}

fn online(text: &str) -> Result<bool, Problem> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Problem::invalid("online", "1 asks for those that are online, 0 for the others")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_the_fork_documents_them() {
        assert_eq!(instant("2012-04-12 15:04:55").expect("a time").to_string(), "2012-04-12T15:04:55.000Z");
        for wrong in ["2012-04-12", "yesterday", "2012-13-12 15:04:55", ""] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
        assert_eq!((online("1").ok(), online("0").ok(), online("yes").ok()), (Some(true), Some(false), None));
    }
}
