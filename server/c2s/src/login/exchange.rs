//! One SASL exchange, whatever XML it travels in. It never says whether an account exists (AUTH-17).

use longwire_protocol::Jid;
use longwire_protocol::jid::{BareJid, NodePart};
use longwire_protocol::sasl::ht::{self, Initiator};
use longwire_protocol::sasl::scram::{self, Challenged, ClientFirst, ServerBinding};
use longwire_protocol::sasl::{
    Failure, HT_SHA_256_EXPR, PLAIN, Plain, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, SaslCondition,
};

use super::Tls;
use crate::{Answer, Config, Event, PasswordCheck, Token, features};

/// A mechanism that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha256Plus,
    HtSha256Expr,
}

impl Mechanism {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => PLAIN,
            Self::ScramSha256 => SCRAM_SHA_256,
            Self::ScramSha256Plus => SCRAM_SHA_256_PLUS,
            Self::HtSha256Expr => HT_SHA_256_EXPR,
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let known = [Self::Plain, Self::ScramSha256, Self::ScramSha256Plus, Self::HtSha256Expr];
        known.into_iter().find(|known| known.name() == name)
    }
}

/// What an exchange needs to know of its stream.
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    pub(super) domain: &'a BareJid,
    pub(super) tls: Option<Tls>,
    pub(super) agent: Option<&'a str>,
}

impl Context<'_> {
    fn exporter(&self) -> Option<[u8; 32]> {
        self.tls.and_then(|tls| tls.exporter)
    }
}

/// Where an exchange is.
pub(super) enum Exchange {
    /// The client's first message is next.
    Initial(Mechanism),
    /// The verifier was asked for.
    Verifier(NodePart, Mechanism, Box<ClientFirst>),
    /// The client's proof is next.
    Challenged { account: NodePart, mechanism: Mechanism, challenged: Box<Challenged>, is_disabled: bool },
    /// The password is being checked.
    Password(NodePart),
    /// The tokens were asked for.
    Tokens(NodePart, Box<Initiator>),
}

/// What a message or an answer leads to.
pub(super) enum Outcome {
    Ask(Exchange, Event),
    Challenge(Exchange, Vec<u8>),
    Proven(Proof),
    Failed(Failure),
}

/// An account that a client has proven to be its own.
pub(super) struct Proof {
    pub(super) account: NodePart,
    pub(super) mechanism: Mechanism,
    /// What goes with success, to prove the server in turn.
    pub(super) data: Option<Vec<u8>>,
    /// The issue number of the token used.
    pub(super) token: Option<u64>,
}

impl Exchange {
    pub(super) const fn is_waiting(&self) -> bool {
        match self {
            Self::Initial(_) | Self::Challenged { .. } => false,
            Self::Verifier(..) | Self::Password(_) | Self::Tokens(..) => true,
        }
    }

    /// The account that the client has named.
    pub(super) const fn account(&self) -> Option<&NodePart> {
        match self {
            Self::Initial(_) => None,
            Self::Verifier(account, ..)
            | Self::Challenged { account, .. }
            | Self::Password(account)
            | Self::Tokens(account, _) => Some(account),
        }
    }

    pub(super) fn handle_data(self, data: &[u8], context: &Context<'_>) -> Outcome {
        let outcome = match self {
            Self::Initial(Mechanism::Plain) => plain(data, context),
            Self::Initial(mechanism @ (Mechanism::ScramSha256 | Mechanism::ScramSha256Plus)) => {
                scram_first(mechanism, data, context)
            }
            Self::Initial(Mechanism::HtSha256Expr) => ht_first(data, context),
            Self::Challenged { account, mechanism, challenged, is_disabled } => {
                challenged.finish(data).and_then(|data| {
                    if is_disabled {
                        return Err(SaslCondition::AccountDisabled.into());
                    }
                    Ok(Outcome::Proven(Proof { account, mechanism, data: Some(data), token: None }))
                })
            }
            Self::Verifier(..) | Self::Password(_) | Self::Tokens(..) => Err(SaslCondition::MalformedRequest.into()),
        };
        outcome.unwrap_or_else(Outcome::Failed)
    }

    /// `nonce` is fresh.
    pub(super) fn handle_answer(self, answer: Answer, nonce: &str, context: &Context<'_>) -> Outcome {
        match (self, answer) {
            (Self::Verifier(account, mechanism, first), Answer::Verifier(found)) => {
                let is_disabled = found.as_ref().is_some_and(|found| found.is_disabled);
                let verifier = found.map_or_else(|| fake_verifier(&account, context), |found| found.verifier);
                let offer = features::offer_hash(context.tls);
                let (challenged, challenge) = first.challenge(verifier, nonce, Some(offer));
                let challenged = Box::new(challenged);
                Outcome::Challenge(Self::Challenged { account, mechanism, challenged, is_disabled }, challenge)
            }
            (Self::Password(account), Answer::Password(check)) => match check {
                PasswordCheck::Right => {
                    Outcome::Proven(Proof { account, mechanism: Mechanism::Plain, data: None, token: None })
                }
                PasswordCheck::Wrong => Outcome::Failed(SaslCondition::NotAuthorized.into()),
                PasswordCheck::Disabled => Outcome::Failed(SaslCondition::AccountDisabled.into()),
            },
            (Self::Tokens(account, initiator), Answer::Tokens { tokens, is_disabled }) => {
                check_tokens(account, &initiator, &tokens, is_disabled, context)
            }
            // The driver answered another question: nothing is known about the client.
            (
                Self::Initial(_) | Self::Verifier(..) | Self::Challenged { .. } | Self::Password(_) | Self::Tokens(..),
                _,
            ) => Outcome::Failed(SaslCondition::TemporaryAuthFailure.into()),
        }
    }
}

fn plain(data: &[u8], context: &Context<'_>) -> Result<Outcome, Failure> {
    let Plain { authzid, authcid, password } = Plain::parse(data)?;
    let account = read_account(&authcid, authzid.as_deref(), context)?;
    let question = Event::CheckPassword { account: account.as_str().to_owned(), password };
    Ok(Outcome::Ask(Exchange::Password(account), question))
}

fn scram_first(mechanism: Mechanism, data: &[u8], context: &Context<'_>) -> Result<Outcome, Failure> {
    let binding = match context.exporter() {
        Some(exporter) if mechanism == Mechanism::ScramSha256Plus => ServerBinding::Exporter(exporter),
        Some(_) => ServerBinding::Offered,
        None => ServerBinding::NotOffered,
    };
    let first = ClientFirst::parse(data, binding)?;
    let account = read_account(&first.username, first.authzid.as_deref(), context)?;
    let question = Event::NeedVerifier { account: account.as_str().to_owned() };
    Ok(Outcome::Ask(Exchange::Verifier(account, mechanism, Box::new(first)), question))
}

fn ht_first(data: &[u8], context: &Context<'_>) -> Result<Outcome, Failure> {
    let initiator = Initiator::parse(data)?;
    let account = read_account(&initiator.authcid, None, context)?;
    let agent = context.agent.ok_or(SaslCondition::MalformedRequest)?;
    let question = Event::NeedTokens {
        account: account.as_str().to_owned(),
        agent: agent.to_owned(),
        mechanism: Mechanism::HtSha256Expr.name(),
    };
    Ok(Outcome::Ask(Exchange::Tokens(account, Box::new(initiator)), question))
}

/// The account behind a name, prepared; another identity to act as is refused, whoever asks.
fn read_account(name: &str, authzid: Option<&str>, context: &Context<'_>) -> Result<NodePart, SaslCondition> {
    let account = NodePart::new(name).map_err(|_| SaslCondition::NotAuthorized)?.into_owned();
    let own = context.domain.domain().with_node(&account);
    match authzid.map(Jid::new) {
        None => Ok(account),
        Some(Ok(jid)) if jid == own => Ok(account),
        Some(Ok(_) | Err(_)) => Err(SaslCondition::InvalidAuthzid),
    }
}

fn fake_verifier(account: &NodePart, context: &Context<'_>) -> scram::Verifier {
    scram::Verifier::fake(&context.config.salt_key, account.as_str(), context.config.iterations)
}

/// Two proofs are computed whatever the device holds.
fn check_tokens(
    account: NodePart,
    initiator: &Initiator,
    tokens: &[Token],
    is_disabled: bool,
    context: &Context<'_>,
) -> Outcome {
    let Some(binding) = context.exporter() else { return Outcome::Failed(SaslCondition::NotAuthorized.into()) };
    let none = Token { issue: 0, secret: String::new(), is_expired: false };
    let mut used = None;
    for index in 0..2 {
        let token = tokens.get(index);
        let is_proven = initiator.proves(token.unwrap_or(&none).secret.as_bytes(), &binding);
        if is_proven {
            used = token.or(used);
        }
    }
    match used {
        Some(_) if is_disabled => Outcome::Failed(SaslCondition::AccountDisabled.into()),
        // XEP-0484 §5.2: a token that is trusted no more.
        Some(token) if token.is_expired => Outcome::Failed(SaslCondition::CredentialsExpired.into()),
        Some(token) => Outcome::Proven(Proof {
            account,
            mechanism: Mechanism::HtSha256Expr,
            data: Some(ht::responder(token.secret.as_bytes(), &binding).to_vec()),
            token: Some(token.issue),
        }),
        None => Outcome::Failed(SaslCondition::NotAuthorized.into()),
    }
}
