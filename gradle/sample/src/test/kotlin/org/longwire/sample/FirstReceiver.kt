package org.longwire.sample

import android.content.Context
import android.util.Log
import org.longwire.push.PushNotification
import org.longwire.push.PushReceiver

/** Gets each push, whether the app is open or not; the library has shown it already. */
class FirstReceiver : PushReceiver() {
    override fun onPush(
        context: Context,
        push: PushNotification,
    ) {
        Log.i("first", "${push.title}: ${push.body} ${push.data}")
    }
}
