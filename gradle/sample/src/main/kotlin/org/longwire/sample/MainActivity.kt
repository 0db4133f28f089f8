package org.longwire.sample

import android.Manifest
import android.app.Activity
import android.os.Build
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.EditText
import android.widget.TextView
import android.widget.Toast
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import org.longwire.push.Push
import org.longwire.push.PushException
import org.longwire.push.PushState

/** One screen: where the connection stands, which server it is, the last pushes, and what could keep pushes away. */
class MainActivity : Activity() {
    private var shown: CoroutineScope? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        val settings = ServerSettings(this)
        field(R.id.server).setText(settings.server)
        field(R.id.domain).setText(settings.domain)
        field(R.id.app_key).setText(settings.appKey)
        field(R.id.pin).setText(settings.pin)
        view<Button>(R.id.start).setOnClickListener { connect() }
        view<Button>(R.id.stop).setOnClickListener { Push.stop() }
        if (savedInstanceState == null) askForNotifications()
    }

    override fun onStart() {
        super.onStart()
        val scope = MainScope().also { shown = it }
        scope.launch { Push.state.collect(::showState) }
        scope.launch { SampleReceiver.arrived.collect { showPushes() } }
    }

    override fun onResume() {
        super.onResume()
        // The user may come back from a page on which something was mended.
        showHealth()
        shown?.launch { showPushes() }
    }

    override fun onStop() {
        shown?.cancel()
        shown = null
        super.onStop()
    }

    private fun askForNotifications() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            requestPermissions(arrayOf(Manifest.permission.POST_NOTIFICATIONS), 1)
        }
    }

    private fun connect() {
        val settings = ServerSettings(this)
        settings.save(typed(R.id.server), typed(R.id.domain), typed(R.id.app_key), typed(R.id.pin))
        try {
            Push.configure(this, settings.load())
            Push.start()
        } catch (failure: PushException) {
            Toast.makeText(this, failure.message, Toast.LENGTH_LONG).show()
        }
    }

    private fun showState(state: PushState) {
        val text = StateText.of(state)
        val page = view<View>(android.R.id.content)
        page.show(R.id.state, text.headline)
        page.show(R.id.state_detail, text.detail)
        view<TextView>(R.id.state).setDot(text.color)
        showHealth()
    }

    private suspend fun showPushes() {
        try {
            PushList(view(R.id.pushes)).show(Push.inbox(PUSHES_MAX))
        } catch (failure: PushException) {
            PushList(view(R.id.pushes)).say(failure.message.orEmpty())
        }
    }

    private fun showHealth() = HealthList(view(R.id.health)).show(Push.health())

    private fun field(id: Int): EditText = view(id)

    private fun typed(id: Int): String = field(id).text.toString().trim()

    private companion object {
        const val PUSHES_MAX = 20
    }
}
