package org.androidpn.client

import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.net.Uri

/**
 * What a tap and a swipe do. Android takes two pending intents for the same when their components, actions and data are the same, whatever
 * their extras say; here the data names the notification, so each opens its own details.
 */
internal class DetailsIntents(
    private val context: Context,
) {
    fun details(extras: Extras): PendingIntent {
        val intent = named(NotificationDetailsActivity::class.java, extras)
        intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_EXCLUDE_FROM_RECENTS)
        return PendingIntent.getActivity(context, extras.id.hashCode(), intent, FLAGS)
    }

    fun cleared(extras: Extras): PendingIntent {
        val intent = named(NotificationClearedReceiver::class.java, extras)
        intent.addFlags(Intent.FLAG_RECEIVER_FOREGROUND)
        return PendingIntent.getBroadcast(context, extras.id.hashCode(), intent, FLAGS)
    }

    private fun named(
        component: Class<*>,
        extras: Extras,
    ): Intent = extras.into(Intent(context, component)).setData(Uri.fromParts("androidpn", extras.id, null))

    private companion object {
        const val FLAGS = PendingIntent.FLAG_UPDATE_CURRENT or PendingIntent.FLAG_IMMUTABLE
    }
}
