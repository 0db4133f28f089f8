package org.longwire.push.core

import android.os.Build
import android.os.Process
import org.longwire.push.PushException

/** The native library's loading, which happens behind the first call into it. */
internal object NativeLibrary {
    /**
     * Carries out what loads the library. What is missing, damaged or made for another ABI is a linkage error, at the second attempt another
     * one than at the first; a native part of JNA's that does not fit its classes is a plain [Error].
     */
    inline fun <T> loading(call: () -> T): T =
        try {
            call()
        } catch (error: VirtualMachineError) {
            // No memory, no stack: that is not the library's.
            throw error
        } catch (error: Error) {
            throw unloadable(error)
        }

    fun unloadable(error: Error): PushException {
        val abi = abi()
        val reason = generateSequence<Throwable>(error) { it.cause }.firstNotNullOfOrNull { it.message } ?: error.toString()
        val text =
            "the native library cannot be loaded for the ABI $abi: $reason; " +
                "install a build of the app that has the libraries of longwire-push and of JNA for $abi, whole and of matching versions"
        return PushException(PushException.Kind.LIBRARY, text, cause = error)
    }

    /** The ABI of this process: a phone of 64 bits runs an app without libraries for them with 32. */
    fun abi(): String {
        val all = if (Process.is64Bit()) Build.SUPPORTED_64_BIT_ABIS else Build.SUPPORTED_32_BIT_ABIS
        return all.firstOrNull() ?: System.getProperty("os.arch").orEmpty()
    }
}
