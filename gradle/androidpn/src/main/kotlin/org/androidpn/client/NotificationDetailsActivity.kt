package org.androidpn.client

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.os.Bundle
import android.widget.Button
import android.widget.TextView
import android.widget.Toast

/**
 * Shows a notification that was tapped, with an Ok that leads to its page, number or place, else back to the app. Opening it reports the
 * notification as opened and broadcasts [Constants.ACTION_NOTIFICATION_CLICKED].
 */
class NotificationDetailsActivity : Activity() {
    /** Shows the notification of the intent. */
    override fun onCreate(savedInstanceState: Bundle?) {
        setTheme(R.style.Androidpn)
        super.onCreate(savedInstanceState)
        setContentView(R.layout.androidpn_details)
        view<Button>(R.id.androidpn_ok).setOnClickListener { goOn() }
        show(isNew = savedInstanceState == null)
    }

    /** Another notification was tapped while this one was shown, in an app that declares this activity `singleTop`. */
    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        setIntent(intent)
        show(isNew = true)
    }

    private fun show(isNew: Boolean) {
        val extras = Extras.of(intent)
        title = extras.title
        view<TextView>(R.id.androidpn_title).text = extras.title
        view<TextView>(R.id.androidpn_message).text = extras.message
        if (isNew && extras.id.isNotEmpty()) {
            Report.opened(applicationContext, extras.id)
            Broadcasts.send(this, Constants.ACTION_NOTIFICATION_CLICKED, extras)
        }
    }

    private fun goOn() {
        try {
            Destination.of(this, Extras.of(intent).uri)?.let(::startActivity)
        } catch (_: ActivityNotFoundException) {
            Toast.makeText(this, R.string.androidpn_no_app, Toast.LENGTH_LONG).show()
        }
        finish()
    }
}
