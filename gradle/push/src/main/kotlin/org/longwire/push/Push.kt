package org.longwire.push

/** The library's version. */
internal const val VERSION = "0.1.0"
