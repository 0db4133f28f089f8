//! The pages of the original's console, as far as scripts and people still come by: each says where to find what it was for.

use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use axum::response::{IntoResponse as _, Response};
use longwire_core::notification_manager::Accepted;

/// The parameter with which the form of the page asks for a page as the answer.
pub(super) const ANSWER: &str = "longwire_page";

/// No scripts, no frames, and forms to here alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
const STYLE: &str = "body{font:16px sans-serif;max-width:40em;margin:2em auto;padding:0 1em}nav a{margin-right:1em}\
                     label{display:block;margin:.6em 0}input:not([type=radio]),textarea{display:block;width:100%}";

pub(super) async fn home() -> Response {
    page(
        "Home",
        "<p>This Longwire server takes the place of an androidpn server: its phones, and the scripts that call \
         <code>notification.do</code>, go on working.</p><p>What the console showed, <code>longwire</code> tells on the \
         server's command line, and the HTTP API with a key: <code>GET /openapi.json</code> lists its paths.</p>",
    )
}

pub(super) async fn users() -> Response {
    page(
        "Users",
        "<p>Accounts are not listed to everybody any more. <code>longwire device list</code> lists the devices, \
         <code>GET /v1/devices</code> too, and <code>user_api.do</code> the names, with an API key.</p>",
    )
}

pub(super) async fn sessions() -> Response {
    page(
        "Sessions",
        "<p>Sessions are not listed to everybody any more. <code>longwire device list</code> says who is online, and so does \
         <code>GET /v1/devices</code> with an API key.</p>",
    )
}

pub(super) fn notifications() -> Response {
    page(
        "Notifications",
        &format!(
            "<form method=post action=\"notification.do?action=send\" accept-charset=utf-8>\
             <input type=hidden name={ANSWER} value=1>\
             <label><input type=radio name=broadcast value=Y checked> All devices</label>\
             <label><input type=radio name=broadcast value=N> One user</label>\
             <label>Username <input name=username autocomplete=off></label>\
             <label>Title <input name=title></label>\
             <label>Message <textarea name=message rows=4></textarea></label>\
             <label>URI <input name=uri></label>\
             <label>API key, unless this address needs none <input type=password name=apiKey autocomplete=off></label>\
             <button>Send</button></form>"
        ),
    )
}

pub(super) fn sent(accepted: &Accepted) -> Response {
    page(
        "Sent",
        &format!(
            "<p>Accepted as <code>{}</code> for {} devices now.</p><p><a href=\"notification.do\">Another</a></p>",
            accepted.id, accepted.audience
        ),
    )
}

fn page(title: &str, content: &str) -> Response {
    let body = format!(
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>{title} - Longwire</title><style>{STYLE}</style></head>\
         <body><nav><a href=\"index.do\">Home</a><a href=\"user.do\">Users</a><a href=\"session.do\">Sessions</a>\
         <a href=\"notification.do\">Notifications</a></nav><h1>{title}</h1>{content}</body></html>\n"
    );
    let headers = [
        (CONTENT_TYPE, "text/html;charset=UTF-8"),
        (CONTENT_LANGUAGE, "en"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}
