package org.androidpn.client

import android.app.Activity
import android.view.View

/** A view of the layout that is shown. */
internal fun <T : View> Activity.view(id: Int): T = checkNotNull(findViewById<T>(id)) { "the layout has no such view" }
