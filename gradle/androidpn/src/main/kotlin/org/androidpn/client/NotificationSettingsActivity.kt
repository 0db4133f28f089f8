package org.androidpn.client

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.provider.Settings
import android.widget.Button
import android.widget.CheckBox
import android.widget.LinearLayout
import android.widget.TextView
import android.widget.Toast

/**
 * The user's settings, as the original showed them: shown at all, sound, vibration, and the toast, which the original could do but did
 * not offer here. Each writes its key of [Constants.SHARED_PREFERENCE_NAME] at once. A button leads to what Android itself lets the user decide.
 */
class NotificationSettingsActivity : Activity() {
    /** Shows what the preferences hold. */
    override fun onCreate(savedInstanceState: Bundle?) {
        setTheme(R.style.Androidpn)
        super.onCreate(savedInstanceState)
        setTitle(R.string.androidpn_settings_title)
        setContentView(R.layout.androidpn_settings)
        val preferences = ClientPreferences(this)
        bind(R.id.androidpn_enabled, Constants.SETTINGS_NOTIFICATION_ENABLED, preferences.isNotificationEnabled)
        bind(R.id.androidpn_sound, Constants.SETTINGS_SOUND_ENABLED, preferences.isSoundEnabled)
        bind(R.id.androidpn_vibrate, Constants.SETTINGS_VIBRATE_ENABLED, preferences.isVibrateEnabled)
        bind(R.id.androidpn_toast, Constants.SETTINGS_TOAST_ENABLED, preferences.isToastEnabled)
        showEnabled(preferences.isNotificationEnabled)
        view<Button>(R.id.androidpn_system).setOnClickListener { openSystemSettings() }
    }

    private fun bind(
        id: Int,
        key: String,
        value: Boolean,
    ) {
        val box = view<CheckBox>(id)
        box.isChecked = value
        box.setOnCheckedChangeListener { _, isChecked ->
            ClientPreferences(this)
                .file
                .edit()
                .putBoolean(key, isChecked)
                .apply()
            if (key == Constants.SETTINGS_NOTIFICATION_ENABLED) showEnabled(isChecked)
        }
    }

    /** Without notifications the other settings change nothing. */
    private fun showEnabled(isEnabled: Boolean) {
        val summary = if (isEnabled) R.string.androidpn_enabled_on else R.string.androidpn_enabled_off
        view<TextView>(R.id.androidpn_enabled_summary).setText(summary)
        val others = view<LinearLayout>(R.id.androidpn_others)
        for (index in 0 until others.childCount) others.getChildAt(index).isEnabled = isEnabled
    }

    private fun openSystemSettings() {
        val notifications = Intent(ACTION_NOTIFICATION_SETTINGS).putExtra(EXTRA_PACKAGE, packageName)
        val details = Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null))
        for (intent in listOf(notifications, details)) {
            try {
                return startActivity(intent)
            } catch (_: ActivityNotFoundException) {
                // Before Android 8 the first is not there; the second is.
                continue
            }
        }
        Toast.makeText(this, R.string.androidpn_no_app, Toast.LENGTH_LONG).show()
    }

    private companion object {
        /** Of `Settings`, where they are from Android 8 on. */
        const val ACTION_NOTIFICATION_SETTINGS = "android.settings.APP_NOTIFICATION_SETTINGS"
        const val EXTRA_PACKAGE = "android.provider.extra.APP_PACKAGE"
    }
}
