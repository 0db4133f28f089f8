//! Sessions of original clients: from a proven account to pushes.

use longwire_model::{DeviceId, DeviceKind};
use longwire_router::{Bind, SessionKey, SessionKind};

use crate::login::{LoginError, Ready};
use crate::session_manager::{Proven, Session};
use crate::{Core, CoreError};

impl Core {
    /// Lists the session of an original client, which ends an older one of its account, whatever the resource; pushes begin with its
    /// presence.
    ///
    /// # Errors
    /// [`LoginError`]; no session was listed.
    pub async fn log_in_androidpn(
        &self,
        key: SessionKey,
        worker: usize,
        account: String,
        resource: String,
        proven: Proven,
    ) -> Result<Ready, LoginError> {
        match self.store.androidpn_account(&account).await.map_err(CoreError::from)? {
            Some(account) if account.is_disabled => return Err(LoginError::Disabled),
            Some(_) => {}
            None => return Err(LoginError::NotAuthorized),
        }
        let device = self.androidpn_device(&account).await?;
        let session = Session {
            key,
            worker,
            account: account.into(),
            resource: resource.into(),
            device: Some(device),
            priority: None,
            is_androidpn: true,
        };
        self.sessions.add(session.clone(), proven)?;
        self.presence.came(device, self.env.now(), None);
        self.metrics.logins.inc();
        Ok(Ready { session, bind: None, token: None })
    }

    /// The presence of an original client: from now on its shard sends it pushes.
    pub(crate) async fn come_online_androidpn(&self, session: &Session) -> Result<Bind, LoginError> {
        let device = match session.device {
            Some(device) => device,
            None => self.androidpn_device(&session.account).await?,
        };
        self.bind(device, session.key, SessionKind::Androidpn, None).await
    }

    /// The device of an account: made with it, and made again when it was removed alone.
    async fn androidpn_device(&self, account: &str) -> Result<DeviceId, LoginError> {
        let (app, kind) = (self.log.app(), DeviceKind::Androidpn);
        match self.directory.find(app, account, &kind).await? {
            Some(device) => Ok(device),
            None => self.register_device(app, account, kind, None).await,
        }
    }
}
