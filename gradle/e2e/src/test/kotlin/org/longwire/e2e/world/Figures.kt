package org.longwire.e2e.world

import java.io.File

/** What tests measured, for whoever prints the table of all figures; `scripts/android/check-packages` asks for some by name. */
object Figures {
    /** Notes a figure, in place of the one of its name. */
    fun note(
        name: String,
        value: Any,
    ) {
        val folder = File(System.getProperty("longwire.figures")).apply { mkdirs() }
        val file = File(folder, "e2e")
        val others = if (file.exists()) file.readLines().filterNot { it.startsWith("$name\t") } else emptyList()
        file.writeText((others + "$name\t$value").joinToString("") { "$it\n" })
    }
}
