package org.longwire.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** The account in the app's preferences, under the names that it has there. */
final class Account {
    private static final String USERNAME = "XMPP_USERNAME";
    private static final String PASSWORD = "XMPP_PASSWORD";
    private final Path file;

    Account(Path file) {
        this.file = file;
    }

    boolean isKnown() {
        var preferences = read();
        return preferences.containsKey(USERNAME) && preferences.containsKey(PASSWORD);
    }

    String username() {
        return read().getProperty(USERNAME, "");
    }

    String password() {
        return read().getProperty(PASSWORD, "");
    }

    void keep(String username, String password) {
        var preferences = new Properties();
        preferences.setProperty(USERNAME, username);
        preferences.setProperty(PASSWORD, password);
        write(preferences);
    }

    void drop() {
        write(new Properties());
    }

    private Properties read() {
        var preferences = new Properties();
        if (Files.exists(file)) {
            try (var reader = Files.newBufferedReader(file)) {
                preferences.load(reader);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
        return preferences;
    }

    private void write(Properties preferences) {
        try (var writer = Files.newBufferedWriter(file)) {
            preferences.store(writer, null);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
