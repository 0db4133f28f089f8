package org.longwire.e2e.world

import java.lang.reflect.InvocationTargetException

/** What the library keeps in memory is gone, as with its process. It is called by name, since apps cannot see it; a shrunk jar has none. */
object ProcessEnd {
    private const val NAME = "org.longwire.push.process.PushProcess"

    /** Whether the library is said to be the shrunk one. */
    private val isShrunk get() = System.getProperty("longwire.shrunk") != null

    /** Forgets it all. */
    fun forget() {
        val process =
            try {
                Class.forName(NAME)
            } catch (error: ClassNotFoundException) {
                if (isShrunk) return
                throw error
            }
        check(!isShrunk) { "$NAME has its name: this is not the shrunk library" }
        try {
            process.getMethod("end").invoke(process.getField("INSTANCE").get(null))
        } catch (error: InvocationTargetException) {
            throw error.targetException
        }
    }
}
