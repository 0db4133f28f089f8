package org.longwire.push

import android.content.Context
import org.longwire.push.platform.SqlitePushStore
import org.longwire.push.platform.SystemHeartbeatAlarm
import org.longwire.push.platform.SystemNetworkMonitor

/**
 * The parts that an app may replace. Set them in `Application.onCreate`, before anything else of the library is called, since the
 * process also begins without any activity.
 */
public class PushComponents
    @JvmOverloads
    constructor(
        /** Makes the database; the name is that of its file. */
        public val store: (context: Context, name: String) -> PushStore = ::SqlitePushStore,
        /** Makes what watches the network. */
        public val network: (context: Context) -> NetworkMonitor = ::SystemNetworkMonitor,
        /** Makes the alarm. */
        public val alarm: (context: Context) -> HeartbeatAlarm = ::SystemHeartbeatAlarm,
        /** Makes what shows notifications. */
        public val presenter: (context: Context) -> NotificationPresenter = ::DefaultNotificationPresenter,
    )
