package org.longwire.push.core

import kotlinx.coroutines.runBlocking
import org.junit.Test
import org.longwire.push.Push
import org.longwire.push.PushException
import org.longwire.push.PushState
import org.longwire.push.PushTest
import org.longwire.push.process.PushProcess
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue

/** A native library that does not load. */
class NativeLibraryTest : PushTest() {
    private val attempts = AtomicInteger()

    private fun unloadable(failure: Error) {
        PushProcess.end()
        PushProcess.coreFactory =
            CoreFactory { _, _ ->
                NativeLibrary.loading {
                    attempts.incrementAndGet()
                    throw failure
                }
            }
    }

    @Test
    fun `it blocks with the ABI and what to do, whatever way it fails`() {
        val failures =
            listOf(
                UnsatisfiedLinkError("dlopen failed: library liblongwire_push.so not found"),
                NoClassDefFoundError("Could not initialize class UniffiLib"),
                ExceptionInInitializerError(IllegalStateException("contract version mismatch")),
                Error("There is an incompatible JNA native library installed on this system"),
            )
        for (failure in failures) {
            unloadable(failure)
            Push.configure(app, config)
            Push.start()
            host.runSoon()
            await { Push.state.value is PushState.Blocked }
            val state = assertIs<PushState.Blocked>(Push.state.value)
            assertEquals("library", state.reason)
            val reason = failure.message ?: failure.cause!!.message!!
            assertTrue(reason in state.text && "ABI ${NativeLibrary.abi()}" in state.text && "install" in state.text, state.text)
        }
    }

    @Test
    fun `it is tried once in a process, and every call says so`() {
        unloadable(UnsatisfiedLinkError("not there"))
        Push.configure(app, config)
        runBlocking {
            repeat(3) {
                val error = assertFailsWith<PushException> { Push.inbox() }
                assertEquals(PushException.Kind.LIBRARY, error.kind)
                assertFalse(error.isRetryable)
            }
        }
        assertEquals(1, attempts.get())
        unloadable(UnsatisfiedLinkError("not there"))
        Push.attach(app)
        runBlocking { assertFailsWith<PushException> { Push.inbox() } }
        assertEquals(2, attempts.get(), "the next process may have another library")
    }

    @Test
    fun `a process out of memory is no missing library`() {
        assertFailsWith<OutOfMemoryError> { NativeLibrary.loading<Unit> { throw OutOfMemoryError() } }
    }

    @Test
    fun `the process has an ABI`() {
        assertTrue(NativeLibrary.abi().isNotEmpty())
    }
}
