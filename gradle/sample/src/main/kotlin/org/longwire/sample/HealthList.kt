package org.longwire.sample

import android.content.ActivityNotFoundException
import android.content.Intent
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.TextView
import android.widget.Toast
import org.longwire.push.HealthItem
import org.longwire.push.HealthReport
import org.longwire.push.HealthState

/** What could keep pushes away, the worst on top, each with the button that leads to where it is mended. */
class HealthList(
    private val list: ViewGroup,
) {
    private val inflater = LayoutInflater.from(list.context)

    fun show(report: HealthReport) {
        list.removeAllViews()
        val fine = report.items.filter { it.state == HealthState.OK }
        for (item in report.problems + fine) list.addView(row(item))
    }

    private fun row(item: HealthItem): View {
        val row = inflater.inflate(R.layout.health_item, list, false)
        row.show(R.id.health_text, item.sentence)
        row.findViewById<TextView>(R.id.health_text)?.setDot(color(item.state))
        val fix = item.fix ?: return row
        row.findViewById<Button>(R.id.health_fix)?.run {
            visibility = View.VISIBLE
            setOnClickListener { open(fix) }
        }
        return row
    }

    private fun open(fix: Intent) {
        try {
            list.context.startActivity(fix)
        } catch (_: ActivityNotFoundException) {
            Toast.makeText(list.context, R.string.no_screen, Toast.LENGTH_LONG).show()
        } catch (_: SecurityException) {
            Toast.makeText(list.context, R.string.no_screen, Toast.LENGTH_LONG).show()
        }
    }

    private fun color(state: HealthState): Int =
        when (state) {
            HealthState.OK -> R.color.good
            HealthState.WARNING -> R.color.busy
            HealthState.PROBLEM -> R.color.bad
        }
}
