package org.longwire.e2e.host

import android.app.Application
import android.content.BroadcastReceiver
import android.content.Intent
import android.os.Bundle
import android.os.Handler
import org.longwire.push.Broadcast
import java.io.File

/** The app that embeds the library. What it keeps may lie in a folder that outlives the process, as a phone's storage does. */
class HostApp : Application() {
    override fun getNoBackupFilesDir(): File = kept("no_backup") ?: super.getNoBackupFilesDir()

    override fun getFilesDir(): File = kept("files") ?: super.getFilesDir()

    override fun sendOrderedBroadcast(
        intent: Intent,
        receiverPermission: String?,
        resultReceiver: BroadcastReceiver?,
        scheduler: Handler?,
        initialCode: Int,
        initialData: String?,
        initialExtras: Bundle?,
    ) {
        if (intent.action == Broadcast.ACTION_RECEIVE) beforeBroadcast(intent.getStringExtra(Broadcast.EXTRA_ID))
        super.sendOrderedBroadcast(intent, receiverPermission, resultReceiver, scheduler, initialCode, initialData, initialExtras)
    }

    private fun kept(name: String): File? = storage?.let { File(it, name).apply { mkdirs() } }

    companion object {
        /** The phone's storage; `null`: that of the test. */
        var storage: File? = System.getProperty("longwire.e2e.storage")?.let(::File)

        /** What a test wants to happen before a notification is broadcast. */
        var beforeBroadcast: (id: String?) -> Unit = {}
    }
}
