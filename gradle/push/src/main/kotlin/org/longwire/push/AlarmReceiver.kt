package org.longwire.push

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import org.longwire.push.process.Background
import org.longwire.push.process.PushProcess

/** The heartbeat's alarm rang: the phone stays awake until it is answered, a minute at most. */
public class AlarmReceiver : BroadcastReceiver() {
    /** The alarm rang. */
    override fun onReceive(
        context: Context,
        intent: Intent,
    ) {
        val host = PushProcess.host(context)
        Background.run(host.context, goAsync(), "alarm") { host.alarmFired() }
    }
}
