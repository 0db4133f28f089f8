package org.longwire.push

/** The library's version. */
internal const val VERSION = "0.1.0"

/** A word about the library. */
public object Push {
    /** The version of the library. */
    public val version: String get() = VERSION
}
