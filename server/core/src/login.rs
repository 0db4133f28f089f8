//! From proven credentials to a session that a shard can bind: which device this is, its record, its token.

use longwire_model::{Account, AppId, Cursor, DeviceId, DeviceKind, Rest, SessionEnd};
use longwire_router::{Bind, SessionKey, SessionKind};
use longwire_store::write::{NewDevice, Refusal};
use longwire_store::{Write, Written};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth_manager::{FastLogin, Issued};
use crate::notification_manager::unexpected;
use crate::session_manager::{NotListed, Proven, Session};
use crate::{Core, CoreError};

/// Named resources of one account that are devices of their own; further ones share one (DESIGN §5).
const NAMED_RESOURCES_MAX: usize = 8;
/// Devices of one account: bounds what one login can make.
const DEVICES_PER_ACCOUNT_MAX: u32 = 64;

/// A login through the push extension.
#[derive(Clone, Debug)]
pub struct PushLogin {
    /// The session's key, from [`crate::SessionManager::new_key`].
    pub key: SessionKey,
    /// The worker that owns the connection.
    pub worker: usize,
    /// The account whose credentials were proven.
    pub account: String,
    /// The user-agent id (XEP-0388).
    pub agent: String,
    /// The client's tag (XEP-0386), with which its resource begins.
    pub tag: Option<String>,
    /// The installation secret.
    pub installation: Option<[u8; 16]>,
    /// The cursor that the device states.
    pub stated: Option<Cursor>,
    /// The heartbeat that it promises, seconds.
    pub heartbeat_s: Option<u32>,
    /// The SASL mechanism used.
    pub mechanism: &'static str,
    /// How it used and asks for FAST tokens.
    pub fast: FastLogin,
    /// When its credentials were looked at.
    pub proven: Proven,
}

/// A session to be bound.
#[derive(Clone)]
pub struct Ready {
    /// The session as listed.
    pub session: Session,
    /// What its worker's shard binds; none for other clients before their initial presence.
    pub bind: Option<Bind>,
    /// A new FAST token.
    pub token: Option<Issued>,
}

/// Why no session was made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoginError {
    /// The account has as many sessions or devices as it may.
    #[error("the account has as many sessions or devices as it may")]
    TooMany,
    /// The account was removed meanwhile.
    #[error("the account was removed")]
    NotAuthorized,
    /// The account was disabled meanwhile, or is to take over a device of one that is disabled.
    #[error("the account was disabled")]
    Disabled,
    /// The core could not do it.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl From<NotListed> for LoginError {
    fn from(error: NotListed) -> Self {
        match error {
            NotListed::TooMany => Self::TooMany,
            // Whether they are still good is seen when they are shown again.
            NotListed::Ended => Self::Core(CoreError::Unavailable(error.to_string())),
        }
    }
}

impl Core {
    /// Finds or makes the device of a push login, takes it over where the installation secret is proven, and lists the session. A login
    /// of a known device waits for no write and makes no query of the log (DESIGN rule 11).
    ///
    /// # Errors
    /// [`LoginError`]; no session was listed.
    pub async fn log_in(&self, login: PushLogin) -> Result<Ready, LoginError> {
        let account = self.check_account(&login.account).await?;
        let known = self.known_device(&login).await?;
        if !self.sessions.has_room(&login.account, known) {
            return Err(LoginError::TooMany);
        }
        let device = match known {
            Some(device) => device,
            None => self.new_device(&login).await?,
        };
        let bind = self.bind(device, login.key, SessionKind::Push, login.stated).await?;
        let token = self.auth.follow_login(&account, device, login.mechanism, login.fast).await?;
        let tag: String = login.tag.as_deref().unwrap_or("longwire").chars().take(64).collect();
        let session = Session {
            key: login.key,
            worker: login.worker,
            account: self.directory.name(&login.account),
            resource: format!("{tag}~{:016x}", u64::from_be_bytes(self.env.random())).into(),
            device: Some(device),
            priority: None,
            is_androidpn: false,
        };
        self.sessions.add(session.clone(), login.proven)?;
        self.presence.came(device, self.env.now(), login.heartbeat_s);
        self.metrics.logins.inc();
        Ok(Ready { session, bind: Some(bind), token })
    }

    /// Follows a login that is not one of the push extension in what it says of FAST tokens: they belong to the account's push device with
    /// this user-agent id, and without one there is none to give.
    ///
    /// # Errors
    /// [`LoginError`]; a token that must not be used again still may be.
    pub async fn follow_login(
        &self,
        account: &str,
        agent: Option<&str>,
        mechanism: &str,
        fast: FastLogin,
    ) -> Result<Option<Issued>, LoginError> {
        let Some(agent) = agent.filter(|_| fast.used.is_some() || fast.wanted.is_some()) else { return Ok(None) };
        let account = self.check_account(account).await?;
        let kind = DeviceKind::Push(agent.to_owned());
        let device = self.directory.find(self.log.app(), &account.name, &kind).await?;
        match device {
            Some(device) => Ok(self.auth.follow_login(&account, device, mechanism, fast).await?),
            None => Ok(None),
        }
    }

    /// Lists a session of another client; its device is found at its initial presence.
    ///
    /// # Errors
    /// [`LoginError`]; no session was listed.
    pub async fn log_in_standard(
        &self,
        key: SessionKey,
        worker: usize,
        account: String,
        resource: Option<String>,
        proven: Proven,
    ) -> Result<Ready, LoginError> {
        self.check_account(&account).await?;
        let resource = resource.unwrap_or_else(|| format!("{CHOSEN}{:016x}", u64::from_be_bytes(self.env.random())));
        let session = Session {
            key,
            worker,
            account: self.directory.name(&account),
            resource: resource.into(),
            device: None,
            priority: None,
            is_androidpn: false,
        };
        self.sessions.add(session.clone(), proven)?;
        self.metrics.logins.inc();
        Ok(Ready { session, bind: None, token: None })
    }

    /// The initial presence of a client without our extension: finds or makes its device, whose cursor starts at the log's end; that of
    /// an original androidpn client was made with its account.
    ///
    /// # Errors
    /// [`LoginError`]; pushes do not reach the session.
    pub async fn come_online(&self, session: &Session) -> Result<Bind, LoginError> {
        if session.is_androidpn {
            return self.come_online_androidpn(session).await;
        }
        let device = self.standard_device(session).await?;
        let bind = self.bind(device, session.key, SessionKind::Standard, None).await?;
        self.sessions.set_device(&session.account, session.key, device);
        self.presence.came(device, self.env.now(), None);
        Ok(bind)
    }

    /// Reads a device for a bind, again for one that came too late. The record of one that does not hold its cursor itself is read behind
    /// what its last session acknowledged, so that nothing of that is sent twice.
    ///
    /// # Errors
    /// [`LoginError`] when the store cannot be read or does not write, or the device is gone.
    pub async fn bind(
        &self,
        device: DeviceId,
        session: SessionKey,
        kind: SessionKind,
        stated: Option<Cursor>,
    ) -> Result<Bind, LoginError> {
        match kind {
            SessionKind::Push => {}
            SessionKind::Standard | SessionKind::Androidpn => self.log.settle().await?,
        }
        let loaded = self.directory.load(device).await?.ok_or_else(removed)?;
        let (generations, floor, end) = (self.log.generations(), self.log.floor(), self.log.last());
        Ok(Bind { session, kind, loaded, stated, generations, floor, end })
    }

    /// A session has ended and left this behind: it is listed no more, and its device may be offline now.
    pub fn log_out(&self, account: &str, key: SessionKey, end: SessionEnd, left: Option<(DeviceId, Rest)>) {
        let Some(session) = self.sessions.remove(account, key) else {
            if let Some((device, rest)) = left {
                self.presence.left(device, rest);
            }
            return;
        };
        if let Some(device) = session.device
            && !self.sessions.is_online(device)
        {
            self.presence.went(device, self.env.now(), end, left.map(|(_, rest)| rest));
        }
    }

    async fn check_account(&self, name: &str) -> Result<Account, LoginError> {
        match self.auth.account(name).await? {
            Some(account) if account.is_disabled => Err(LoginError::Disabled),
            Some(account) => Ok(account),
            None => Err(LoginError::NotAuthorized),
        }
    }

    async fn known_device(&self, login: &PushLogin) -> Result<Option<DeviceId>, LoginError> {
        let kind = DeviceKind::Push(login.agent.clone());
        Ok(self.directory.find(self.log.app(), &login.account, &kind).await?)
    }

    /// Takes over the device whose installation secret is proven, or makes one.
    async fn new_device(&self, login: &PushLogin) -> Result<DeviceId, LoginError> {
        let app = self.log.app();
        if let Some(device) = self.installation(app, login).await? {
            return self.take_over(device, login.account.clone()).await;
        }
        let hash = login.installation.map(|secret| Sha256::digest(secret).into());
        self.register_device(app, &login.account, DeviceKind::Push(login.agent.clone()), hash).await
    }

    /// Gives a device to the account that has proven its secret: not while an operator keeps the account that has it out, or a phone would
    /// be back, with its user and topics, by registering anew.
    async fn take_over(&self, device: DeviceId, account: String) -> Result<DeviceId, LoginError> {
        match self.log.write(Write::TakeOver { device, account, unless_disabled: true }).await? {
            Written::Done => {
                tracing::info!(%device, "a device was taken over by its new account");
                Ok(device)
            }
            Written::Exists(own) => Ok(own),
            Written::Refused(Refusal::Disabled) => {
                tracing::info!(%device, "a device was not taken over: the account that has it is disabled");
                Err(LoginError::Disabled)
            }
            Written::Refused(Refusal::UnknownDevice) => Err(removed()),
            other @ (Written::Appended(_) | Written::Unchanged | Written::Repeated { .. } | Written::Refused(_)) => {
                Err(LoginError::Core(unexpected(&other)))
            }
        }
    }

    /// The device with this user-agent id whose installation secret is proven.
    async fn installation(&self, app: AppId, login: &PushLogin) -> Result<Option<DeviceId>, LoginError> {
        let Some(secret) = login.installation else { return Ok(None) };
        let proof: [u8; 32] = Sha256::digest(secret).into();
        let known = self.store.find_installations(app, &login.agent).await.map_err(CoreError::from)?;
        Ok(known.into_iter().find(|(_, hash)| bool::from(hash.ct_eq(&proof))).map(|(device, _)| device))
    }

    async fn standard_device(&self, session: &Session) -> Result<DeviceId, LoginError> {
        let app = self.log.app();
        let named = DeviceKind::Resource(session.resource.to_string());
        let is_chosen = session.resource.starts_with(CHOSEN);
        let kind =
            if is_chosen || !self.may_be_named(app, session, &named).await? { DeviceKind::Shared } else { named };
        let known = self.directory.find(app, &session.account, &kind).await?;
        match known {
            Some(device) => Ok(device),
            None => self.register_device(app, &session.account, kind, None).await,
        }
    }

    async fn may_be_named(&self, app: AppId, session: &Session, named: &DeviceKind) -> Result<bool, LoginError> {
        let devices = self.devices_of(app, &session.account).await?;
        let others = devices.iter().filter(|device| matches!(device.kind, DeviceKind::Resource(_))).count();
        Ok(others < NAMED_RESOURCES_MAX || devices.iter().any(|device| device.kind == *named))
    }

    pub(crate) async fn devices_of(&self, app: AppId, account: &str) -> Result<Vec<longwire_model::Device>, CoreError> {
        let query = longwire_store::read::DeviceQuery {
            app,
            account: Some(account.to_owned()),
            key: None,
            after: None,
            limit: DEVICES_PER_ACCOUNT_MAX,
        };
        Ok(self.store.devices(query).await?)
    }

    pub(crate) async fn register_device(
        &self,
        app: AppId,
        account: &str,
        kind: DeviceKind,
        installation_hash: Option<[u8; 32]>,
    ) -> Result<DeviceId, LoginError> {
        let count = self.devices_of(app, account).await?.len();
        if count >= usize::try_from(DEVICES_PER_ACCOUNT_MAX).unwrap_or(usize::MAX) {
            return Err(LoginError::TooMany);
        }
        let id = DeviceId::new(self.env.random());
        let (entry, at) = (self.env.entry_id(), self.env.now());
        let new = NewDevice { id, app, account: account.to_owned(), kind, installation_hash, entry, at };
        match self.log.write(Write::Register(new)).await? {
            Written::Appended(_) => Ok(id),
            Written::Exists(device) => Ok(device),
            other @ (Written::Done | Written::Unchanged | Written::Repeated { .. } | Written::Refused(_)) => {
                Err(LoginError::Core(unexpected(&other)))
            }
        }
    }
}

/// A device that was removed while it logged in: its account is as good as before, and the next login makes another device.
fn removed() -> LoginError {
    LoginError::Core(CoreError::Unavailable("the device was removed while it logged in".to_owned()))
}

/// How a resource begins that the server chose for a client without our extension: all of them are one device per account.
const CHOSEN: &str = "lw~";
