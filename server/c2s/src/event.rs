//! What a stream tells its driver, and what it asks for.

use longwire_protocol::Element;
use longwire_protocol::jid::{BareJid, ResourcePart};
use longwire_protocol::push::{self, Ack};
use longwire_protocol::sasl::SaslCondition;
use longwire_protocol::stream::StreamCondition;

/// Something that happened on a stream. After a question the stream waits: it takes no input before [`crate::Answer`].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Question: the SCRAM verifier of an account. Answer: `Verifier`.
    NeedVerifier {
        /// The account's name, prepared.
        account: String,
    },
    /// Question: the FAST tokens that a device may hold. Answer: `Tokens`.
    NeedTokens {
        /// The account's name, prepared.
        account: String,
        /// The user-agent id (XEP-0388) of the device.
        agent: String,
        /// The mechanism that they must have been issued for.
        mechanism: &'static str,
    },
    /// Question: is this the account's password? Its derivation costs a millisecond, also for accounts that do not exist: not on
    /// the thread of the connections. Answer: `Password`.
    CheckPassword {
        /// The account's name, prepared.
        account: String,
        /// The password as sent.
        password: String,
    },
    /// Question: does this app key admit registrations (XEP-0445)? Answer: `AppKey`.
    CheckAppKey(AppKey),
    /// Question: make this account (XEP-0077). Answer: `Registered`.
    Register {
        /// The account's name, prepared.
        account: String,
        /// Its password.
        password: String,
        /// The id of the app key that was shown.
        app_key: Option<String>,
        /// Whether the check of that key has counted this registration already, where an address may make so many.
        is_counted: bool,
    },
    /// Question: make this account of an original androidpn client. Answer: `Registered`.
    RegisterAndroidpn(Box<AndroidpnRegistration>),
    /// Question: does this prove the account of an original androidpn client (XEP-0078)? Answer: `Password`.
    CheckAndroidpn(Box<AndroidpnLogin>),
    /// Question: follow the FAST side of a login that binds no session. Answer: `Followed`.
    FollowLogin(Box<FollowRequest>),
    /// Question: bind a session. Answer: `Bound`, `BindRefused`.
    Bind(Box<BindRequest>),
    /// A stanza of the bound session; `from` is its full JID, whatever the client wrote.
    Stanza(Element),
    /// The stream's own answer to a stanza: to be written behind the answers to the stanzas before it (RFC 6120 §10.1).
    Answer(Element),
    /// The device has stored entries; push sessions only.
    PushAck(Ack),
    /// An authentication failed; the stream has answered it.
    LoginFailed(LoginFailure),
    /// A whitespace heartbeat of a push session; the stream has answered it.
    Heartbeat,
    /// The device promises another heartbeat from now on, seconds within the bounds; push sessions only.
    Promise(u32),
    /// The stream is over, for this reason of ours; none when the client closed it.
    Closed(Option<StreamCondition>),
}

/// An account that an original androidpn client asks for. Its debug form shows its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct AndroidpnRegistration {
    /// The account's name, prepared.
    pub account: String,
    /// Its password.
    pub password: String,
    /// A mail address.
    pub email: Option<String>,
    /// A person's name.
    pub full_name: Option<String>,
}

impl std::fmt::Debug for AndroidpnRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AndroidpnRegistration").field("account", &self.account).finish_non_exhaustive()
    }
}

/// A login of an original androidpn client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndroidpnLogin {
    /// The account's name, prepared.
    pub account: String,
    /// What proves it.
    pub proof: AndroidpnProof,
}

/// What proves the account of an original androidpn client. Its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum AndroidpnProof {
    /// SHA-1 over the id of the stream and the password, as the client's hexadecimal digits.
    Digest {
        /// The id.
        stream_id: String,
        /// The digits.
        digest: String,
    },
    /// The password.
    Password(String),
}

impl std::fmt::Debug for AndroidpnProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Digest { .. } => "Digest",
            Self::Password(_) => "Password",
        })
    }
}

/// An app key as a client has shown it. Its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct AppKey(pub String);

impl std::fmt::Debug for AppKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AppKey").finish_non_exhaustive()
    }
}

/// An authentication that failed: what of it may stand in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFailure {
    /// Why.
    pub condition: SaslCondition,
    /// The mechanism that the client had chosen; none when it had not, or none that there is.
    pub mechanism: Option<&'static str>,
    /// The account, whether there is one or not; none when no name was read.
    pub account: Option<String>,
}

/// A client that has proven its account without asking for a session used a FAST token, or asks for one.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowRequest {
    /// The account's name.
    pub account: String,
    /// The user-agent id (XEP-0388): names the device.
    pub agent: String,
    /// The SASL mechanism used.
    pub mechanism: &'static str,
    /// The issue number of the FAST token that was proven.
    pub token_used: Option<u64>,
    /// Whether that token must not be accepted again.
    pub token_is_spent: bool,
    /// The mechanism for which the client asks a new FAST token.
    pub token_wanted: Option<&'static str>,
}

/// A client that has proven its account asks for a session.
#[derive(Clone, Debug, PartialEq)]
pub struct BindRequest {
    /// The account's name: the one whose credentials were proven, whatever identity the client claimed elsewhere.
    pub account: String,
    /// The domain of the stream.
    pub domain: BareJid,
    /// The SASL mechanism used.
    pub mechanism: &'static str,
    /// The issue number of the FAST token that was proven.
    pub token_used: Option<u64>,
    /// Whether that token must not be accepted again (`<fast invalidate='true'/>`).
    pub token_is_spent: bool,
    /// The mechanism for which the client asks a new FAST token.
    pub token_wanted: Option<&'static str>,
    /// The user-agent id (XEP-0388): names the device.
    pub agent: Option<String>,
    /// The resource.
    pub resource: ResourceRequest,
    /// The device's own cursor and promises; none from clients without the push extension.
    pub push: Option<push::Login>,
    /// Whether it is an original androidpn client, which gets pushes and nothing else.
    pub is_androidpn: bool,
}

/// Which resource a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceRequest {
    /// Whatever the server chooses.
    Any,
    /// One that begins with this tag (XEP-0386).
    Tag(String),
    /// This one (RFC 6120 §7.7).
    Named(ResourcePart),
}

impl Event {
    /// Whether the stream waits for an answer to this event.
    #[must_use]
    pub const fn is_question(&self) -> bool {
        match self {
            Self::NeedVerifier { .. }
            | Self::NeedTokens { .. }
            | Self::CheckPassword { .. }
            | Self::CheckAppKey(_)
            | Self::Register { .. }
            | Self::RegisterAndroidpn(_)
            | Self::CheckAndroidpn(_)
            | Self::FollowLogin(_)
            | Self::Bind(_) => true,
            Self::Stanza(_)
            | Self::Answer(_)
            | Self::PushAck(_)
            | Self::LoginFailed(_)
            | Self::Heartbeat
            | Self::Promise(_)
            | Self::Closed(_) => false,
        }
    }
}
