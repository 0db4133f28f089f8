package org.longwire.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jivesoftware.smack.ConnectionConfiguration;
import org.jivesoftware.smack.ConnectionConfiguration.SecurityMode;
import org.jivesoftware.smack.SmackConfiguration;

/** A phone that does what lines of its standard input say, and tells on standard output, one JSON object a line, what becomes of it. */
public final class Phone {
    private Phone() {}

    /** Arguments: host, port, {@code required} or {@code disabled}, milliseconds between keep-alives, the file of the account. */
    public static void main(String[] arguments) throws IOException {
        SmackConfiguration.setKeepAliveInterval(Integer.parseInt(arguments[3]));
        var configuration = new ConnectionConfiguration(arguments[0], Integer.parseInt(arguments[1]));
        configuration.setSecurityMode(SecurityMode.valueOf(arguments[2]));
        configuration.setSASLAuthenticationEnabled(false);
        configuration.setCompressionEnabled(false);
        // The original comes back by its own thread; the library's, beside it, would log the same account in twice.
        configuration.setReconnectionAllowed(false);
        var manager = new Manager(configuration, new Account(Path.of(arguments[4])));
        obey(manager);
        // The library's threads do not end by themselves.
        System.exit(0);
    }

    private static void obey(Manager manager) throws IOException {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "connect":
                    manager.connect();
                    break;
                case "open":
                    manager.open();
                    break;
                case "disconnect":
                    manager.disconnect();
                    break;
                case "register":
                    manager.register(words[1], words[2]);
                    break;
                default:
                    throw new IllegalArgumentException("no such order: " + line);
            }
        }
    }
}
