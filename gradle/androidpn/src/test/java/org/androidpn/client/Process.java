package org.androidpn.client;

import org.longwire.push.process.PushProcess;

/** The end of the process, as far as the library can see. In Java, because the name is one that Kotlin keeps to the library's module. */
final class Process {
    static void end() {
        PushProcess.INSTANCE.end();
    }

    private Process() {}
}
