package org.longwire.sample

import android.app.Activity
import android.view.View
import android.widget.TextView

/** A view of the layout that is shown. */
fun <T : View> Activity.view(id: Int): T = checkNotNull(findViewById<T>(id)) { "the layout has no such view" }

/** Shows a text in a view of this one; without a text the view takes no room. */
fun View.show(
    id: Int,
    text: String?,
) {
    val view = checkNotNull(findViewById<TextView>(id)) { "the row has no such view" }
    view.text = text
    view.visibility = if (text.isNullOrEmpty()) View.GONE else View.VISIBLE
}

/** Colours the dot before a text. */
fun TextView.setDot(color: Int) {
    val dot = context.getDrawable(R.drawable.dot)?.mutate() ?: return
    dot.setTint(context.getColor(color))
    setCompoundDrawablesRelativeWithIntrinsicBounds(dot, null, null, null)
}
