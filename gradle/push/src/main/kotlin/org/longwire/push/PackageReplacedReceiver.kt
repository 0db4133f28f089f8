package org.longwire.push

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import org.longwire.push.process.PushProcess

/** Begins again after the app was updated, when it had begun before. */
public class PackageReplacedReceiver : BroadcastReceiver() {
    /** The app was replaced by another version. */
    override fun onReceive(
        context: Context,
        intent: Intent,
    ) {
        if (intent.action == Intent.ACTION_MY_PACKAGE_REPLACED) PushProcess.host(context).resume()
    }
}
