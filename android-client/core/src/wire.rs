//! What a client asks and reads before it is online.

use longwire_protocol::push::Login;
use longwire_protocol::sasl::scram;
use longwire_protocol::stanza::Iq;
use longwire_protocol::xep::sasl2::{Authenticate, Authentication, ClientElement, UserAgent};
use longwire_protocol::xep::{bind2, fast, preauth, register, sasl_cb, starttls};
use longwire_protocol::{Element, Jid};

use crate::config::AppKey;

/// What a server offers in `<stream:features/>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) starttls: bool,
    pub(crate) mechanisms: Vec<String>,
    /// The channel-binding types (XEP-0440), if any are announced.
    pub(crate) bindings: Option<Vec<String>>,
    pub(crate) fast: Vec<String>,
    /// Whether it takes an app key before a registration (XEP-0445).
    pub(crate) app_key: bool,
}

impl Features {
    pub(crate) fn read(element: &Element) -> Self {
        let sasl2 = Authentication::find_in(element).unwrap_or_default();
        let fast = sasl2.fast().map(|fast| fast.mechanisms).unwrap_or_default();
        let (starttls, bindings) = (starttls::is_offered(element), sasl_cb::types(element));
        let app_key = preauth::is_offered(element);
        Self { starttls, mechanisms: sasl2.mechanisms, bindings, fast, app_key }
    }

    pub(crate) fn offers(&self, mechanism: &str) -> bool {
        self.mechanisms.iter().any(|offered| offered == mechanism)
    }

    /// What a server that signs its offer must have signed (XEP-0474).
    pub(crate) fn offer_hash(&self) -> String {
        scram::offer_hash(&self.mechanisms, self.bindings.as_deref())
    }
}

/// What an `<authenticate/>` says besides its mechanism.
pub(crate) struct Request<'a> {
    pub(crate) user_agent: &'a str,
    pub(crate) software: &'a str,
    pub(crate) login: Login,
    /// Whether the initial response proves a FAST token.
    pub(crate) is_fast: bool,
    /// The mechanism to ask a FAST token for.
    pub(crate) token_for: Option<&'a str>,
}

/// `<authenticate/>` with everything that a login needs in one flight (XEP-0388, 0386, 0484).
pub(crate) fn authenticate(mechanism: &str, initial: Vec<u8>, request: &Request<'_>) -> Element {
    let user_agent = UserAgent {
        id: Some(request.user_agent.to_owned()),
        software: Some(request.software.to_owned()),
        device: None,
    };
    let fast = request.is_fast.then(|| fast::Fast::default().to_element());
    let token = request.token_for.map(|name| fast::RequestToken { mechanism: name.to_owned() }.to_element());
    let bind = bind2::Bind::with_push("longwire", &request.login).to_element();
    let authenticate = Authenticate {
        mechanism: mechanism.to_owned(),
        initial_response: Some(initial),
        user_agent: Some(user_agent),
        inline: fast.into_iter().chain(token).chain([bind]).collect(),
    };
    ClientElement::Authenticate(authenticate).to_element()
}

/// The id of the registration request.
pub(crate) const REGISTER_ID: &str = "register";

/// A registration request (XEP-0077), to be sent before login.
pub(crate) fn register(name: &str, password: &str) -> Element {
    let account = register::Submission::Account { username: name.to_owned(), password: password.to_owned() };
    Iq::set(REGISTER_ID, account.to_element()).to_element()
}

/// The id of the request that shows the app key.
pub(crate) const APP_KEY_ID: &str = "app-key";

/// Shows the app key to the server (XEP-0445), before a registration.
pub(crate) fn show_app_key(key: &AppKey, domain: &Jid) -> Element {
    Iq::set(APP_KEY_ID, preauth::request(&key.0)).with_to(domain.clone()).to_element()
}
