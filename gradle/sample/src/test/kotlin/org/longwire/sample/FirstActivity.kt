package org.longwire.sample

import android.Manifest
import android.app.Activity
import android.os.Build
import android.os.Bundle

/** Asks once it is opened; a real app explains first. */
class FirstActivity : Activity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            requestPermissions(arrayOf(Manifest.permission.POST_NOTIFICATIONS), 1)
        }
    }
}
