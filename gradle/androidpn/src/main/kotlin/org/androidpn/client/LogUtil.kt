package org.androidpn.client

/** Tags for the log, made as the original made them. */
object LogUtil {
    /** `Androidpn_` and the simple name of [cls], cut to the 23 characters that Android 7 allows. */
    @JvmStatic
    fun makeLogTag(cls: Class<*>): String = "Androidpn_${cls.simpleName}".take(TAG_CHARS_MAX)

    private const val TAG_CHARS_MAX = 23
}
