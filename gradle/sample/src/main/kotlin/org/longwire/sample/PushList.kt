package org.longwire.sample

import android.text.format.DateUtils
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.longwire.push.InboxItem

/** The last pushes, the newest on top. */
class PushList(
    private val list: ViewGroup,
) {
    private val inflater = LayoutInflater.from(list.context)

    fun show(items: List<InboxItem>) {
        if (items.isEmpty()) return say(list.context.getString(R.string.pushes_none))
        list.removeAllViews()
        for (item in items) list.addView(row(item))
    }

    /** A sentence in place of the list. */
    fun say(text: String) {
        list.removeAllViews()
        list.addView(TextView(list.context).apply { this.text = text })
    }

    private fun row(item: InboxItem): View {
        val push = item.notification
        val row = inflater.inflate(R.layout.push, list, false)
        row.show(R.id.push_title, push.title)
        row.show(R.id.push_body, push.body)
        val at = DateUtils.formatDateTime(list.context, push.receivedAt, DateUtils.FORMAT_SHOW_TIME or DateUtils.FORMAT_SHOW_DATE)
        row.show(R.id.push_detail, "$at · ${item.state}")
        return row
    }
}
