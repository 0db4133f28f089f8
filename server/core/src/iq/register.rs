//! In-band registration after login (XEP-0077 §3.2, §3.3): form, new password, removal.

use longwire_protocol::ns;
use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError};
use longwire_protocol::xep::register::{Form, Submission};

use super::{Answer, Answering, IqHandler, unavailable};
use crate::Core;
use crate::auth_manager::{AccountError, RemovedBy};
use crate::session_manager::Session;

pub(super) struct Register;

impl IqHandler for Register {
    fn namespace(&self) -> &'static str {
        ns::REGISTER
    }

    fn handle<'a>(&'a self, core: &'a Core, session: &'a Session, iq: &'a Iq) -> Answering<'a> {
        Box::pin(answer(core, session, iq))
    }
}

async fn answer(core: &Core, session: &Session, iq: &Iq) -> Answer {
    let IqType::Set(payload) = &iq.kind else {
        let form = Form { instructions: None, registered: Some(session.account.to_string()) };
        return Ok(Some(form.to_element()));
    };
    let not_acceptable = |why: String| StanzaError::new(Condition::NotAcceptable).with_text(why);
    match Submission::from_element(payload).map_err(|error| not_acceptable(error.to_string()))? {
        Submission::Account { username, password } if *username == *session.account => {
            match core.set_password(&session.account, Some(&password), Some(session.key)).await {
                Ok(_) => Ok(None),
                Err(AccountError::Core(error)) => Err(unavailable(&error)),
                Err(error) => Err(not_acceptable(error.to_string())),
            }
        }
        Submission::Account { .. } => Err(StanzaError::new(Condition::NotAllowed)),
        Submission::Remove => match core.remove_account(&session.account, RemovedBy::Holder).await {
            Ok(_) => Ok(None),
            Err(error) => Err(unavailable(&error)),
        },
    }
}
