package org.longwire.interop;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** What the phone tells: one JSON object a line, in UTF-8 whatever the locale. */
final class Says {
    private static final PrintStream OUT = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private Says() {}

    /** An event, with names and texts in turn. */
    static synchronized void that(String event, String... fields) {
        var line = new StringBuilder("{\"event\":").append(quoted(event));
        for (int at = 0; at < fields.length; at += 2) {
            line.append(',').append(quoted(fields[at])).append(':').append(quoted(fields[at + 1]));
        }
        OUT.println(line.append('}'));
    }

    private static String quoted(String text) {
        if (text == null) {
            return "null";
        }
        var quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
