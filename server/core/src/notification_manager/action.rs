//! Keeps which actions were used.

use longwire_model::delivery::UsedAction;
use longwire_model::{DeviceId, EntryId, Timestamp};
use longwire_store::Write;

use super::{EventError, NotificationManager};

impl NotificationManager {
    /// Keeps the use of an action, at a time that can be; a repeat of the report changes nothing.
    ///
    /// # Errors
    /// [`EventError`]; nothing was kept.
    pub async fn report_action(
        &self,
        device: DeviceId,
        id: EntryId,
        action: String,
        text: Option<String>,
        told_at: Timestamp,
    ) -> Result<(), EventError> {
        let (entry, _) = self.addressed(device, id).await?;
        let at = told_at.min(self.parts.env.now()).max(entry.created_at);
        let used = UsedAction { at, told_at, action, text };
        self.parts.log.write(Write::Action { device, entry: id, used }).await?;
        Ok(())
    }
}
