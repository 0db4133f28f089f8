package org.longwire.push

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import org.longwire.push.process.PushProcess

/** Begins again after a boot, when the app had begun before. */
public class BootReceiver : BroadcastReceiver() {
    /** The phone has booted. */
    override fun onReceive(
        context: Context,
        intent: Intent,
    ) {
        if (intent.action == Intent.ACTION_BOOT_COMPLETED) PushProcess.host(context).resume()
    }
}
