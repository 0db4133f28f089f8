package org.longwire.e2e.host

import android.app.Activity

/** What a tap on a notification opens. */
class HostActivity : Activity()
