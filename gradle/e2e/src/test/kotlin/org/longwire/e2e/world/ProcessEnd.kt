package org.longwire.e2e.world

import java.lang.reflect.InvocationTargetException

/** What the library keeps in memory is gone, as with its process. It is called by name: apps cannot see it, and a shrunk jar has none. */
object ProcessEnd {
    private const val NAME = "org.longwire.push.process.PushProcess"

    /** Forgets it all. */
    fun forget() {
        val process =
            try {
                Class.forName(NAME)
            } catch (_: ClassNotFoundException) {
                return
            }
        try {
            process.getMethod("end").invoke(process.getField("INSTANCE").get(null))
        } catch (error: InvocationTargetException) {
            throw error.targetException
        }
    }
}
