package org.androidpn.client;

import org.longwire.push.process.PushProcess;
import org.longwire.push.process.ReceivedIds;

/** The end of the process, as far as the library can see. In Java, because these are names that Kotlin keeps to the library's module. */
final class Process {
    static void end() {
        PushProcess.INSTANCE.end();
        ReceivedIds.Companion.end();
    }

    private Process() {}
}
