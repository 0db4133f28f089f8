package org.androidpn.client

import android.content.Context
import android.content.Intent
import android.net.Uri

/** Where the Ok of the details leads. */
internal object Destination {
    private val SCHEMES = setOf("http", "https", "tel", "geo")

    /**
     * A web page, a number to dial or a place is viewed by whoever can; anything else leads back to the app: to the activity that
     * constructed the [ServiceManager], else to what the launcher starts. Null when the app has neither.
     */
    fun of(
        context: Context,
        uri: String,
    ): Intent? {
        val parsed = Uri.parse(uri).normalizeScheme()
        if (parsed.scheme in SCHEMES) return Intent(Intent.ACTION_VIEW, parsed).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        val callback = ClientPreferences(context).callback
        val intent =
            callback?.let { (packageName, className) -> Intent().setClassName(packageName, className) }
                ?: context.packageManager.getLaunchIntentForPackage(context.packageName)
        return intent?.addFlags(
            Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_SINGLE_TOP or Intent.FLAG_ACTIVITY_CLEAR_TOP,
        )
    }
}
