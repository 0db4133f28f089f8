package org.longwire.interop;

import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.jivesoftware.smack.ConnectionConfiguration;
import org.jivesoftware.smack.ConnectionListener;
import org.jivesoftware.smack.PacketListener;
import org.jivesoftware.smack.XMPPConnection;
import org.jivesoftware.smack.XMPPException;
import org.jivesoftware.smack.filter.AndFilter;
import org.jivesoftware.smack.filter.PacketIDFilter;
import org.jivesoftware.smack.filter.PacketTypeFilter;
import org.jivesoftware.smack.packet.IQ;
import org.jivesoftware.smack.packet.Registration;
import org.jivesoftware.smack.provider.ProviderManager;

/** Uses the library as the original's XmppManager does, call by call: connect, register once, log in, listen. */
final class Manager {
    private static final String RESOURCE = "AndroidpnClient";
    private static final String WRONG_ACCOUNT = "401";
    private static final String TAKEN = "409";
    private static final long WRITER_WAITS_NS = 200_000_000;
    private final ConnectionConfiguration configuration;
    private final Account account;
    private final Tasks tasks = new Tasks();
    private final Reconnection reconnection = new Reconnection(this);
    private final PacketListener notifications = packet -> ((NotificationIq) packet).tell();
    private volatile XMPPConnection connection;

    Manager(ConnectionConfiguration configuration, Account account) {
        this.configuration = configuration;
        this.account = account;
    }

    void connect() {
        tasks.add(this::connectTask);
        tasks.add(this::registerTask);
        tasks.add(this::loginTask);
    }

    /** Connects alone. */
    void open() {
        tasks.add(this::connectTask);
    }

    /** Beside the queue, as in the original. */
    void disconnect() {
        if (isConnected()) {
            connection.removePacketListener(notifications);
            connection.disconnect();
        }
    }

    /** Registers one more account, and says what the server answers. */
    void register(String username, String password) {
        ask(username, password, answer -> {
            if (answer.getType() == IQ.Type.ERROR) {
                Says.that("refused", "error", answer.getError().toString());
            } else {
                Says.that("registered", "username", username, "password", password);
            }
        });
    }

    private boolean isConnected() {
        return connection != null && connection.isConnected();
    }

    private void connectTask() {
        if (!isConnected()) {
            connection = new XMPPConnection(configuration);
            try {
                connection.connect();
                connection.addConnectionListener(new Observer());
                Says.that("connected", "stream", connection.getConnectionID(), "service", connection.getServiceName(),
                        "tls", String.valueOf(connection.isUsingTLS()));
                ProviderManager.getInstance().addIQProvider(NotificationIq.ELEMENT, NotificationIq.NAMESPACE, new NotificationIq.Provider());
            } catch (XMPPException error) {
                Says.that("connect-failed", "error", error.getMessage());
            }
        }
        tasks.next();
    }

    private void registerTask() {
        if (account.isKnown()) {
            tasks.next();
            return;
        }
        String username = newName();
        String password = newName();
        ask(username, password, answer -> {
            if (answer.getType() == IQ.Type.ERROR) {
                // The original looks whether it is this one, does nothing in either case, and its queue stands still.
                String error = answer.getError().toString();
                Says.that(error.contains(TAKEN) ? "taken" : "register-failed", "error", error);
            } else if (answer.getType() == IQ.Type.RESULT) {
                account.keep(username, password);
                Says.that("registered", "username", username, "password", password);
                tasks.next();
            }
        });
    }

    private void ask(String username, String password, Answered answered) {
        var registration = new Registration();
        registration.setType(IQ.Type.SET);
        registration.setAttributes(Map.of("username", username, "password", password));
        var filter = new AndFilter(new PacketIDFilter(registration.getPacketID()), new PacketTypeFilter(IQ.class));
        connection.addPacketListener(packet -> answered.with((IQ) packet), filter);
        connection.sendPacket(registration);
    }

    private void loginTask() {
        if (isConnected() && connection.isAuthenticated()) {
            tasks.next();
            return;
        }
        try {
            connection.login(account.username(), account.password(), RESOURCE);
            // Only now, when the library has sent its presence: what waits for the phone must not be faster than these two lines.
            connection.addConnectionListener(new ComesBack());
            connection.addPacketListener(notifications, new PacketTypeFilter(NotificationIq.class));
            Says.that("online", "user", connection.getUser());
            tasks.next();
        } catch (XMPPException error) {
            logInFailed(error);
        }
    }

    private void logInFailed(XMPPException error) {
        String text = String.valueOf(error.getMessage());
        Says.that("login-failed", "error", text, "connected", String.valueOf(isConnected()));
        if (text.contains(WRONG_ACCOUNT)) {
            account.drop();
            connect();
            tasks.next();
        } else {
            comeBack();
        }
    }

    private void comeBack() {
        synchronized (reconnection) {
            if (!reconnection.isAlive()) {
                Says.that("reconnecting");
                reconnection.start();
            }
        }
    }

    private static String newName() {
        return UUID.randomUUID().toString().replace("-", "");
    }

    private interface Answered {
        void with(IQ answer);
    }

    /** Tells what the library says of the connection's end. */
    private static class Observer implements ConnectionListener {
        /**
         * The library calls this after it has handed its last presence to its writer and before it ends that. The writer misses the call to end
         * that comes while it is on its way to wait for more, and then nothing ends the connection: until then it has long begun to wait.
         */
        @Override
        public void connectionClosed() {
            Says.that("closed");
            LockSupport.parkNanos(WRITER_WAITS_NS);
        }

        @Override
        public void connectionClosedOnError(Exception error) {
            Says.that("closed-on-error", "error", error.toString());
        }

        @Override
        public void reconnectingIn(int seconds) {
            Says.that("library-reconnects", "seconds", String.valueOf(seconds));
        }

        @Override
        public void reconnectionSuccessful() {
            Says.that("library-reconnected");
        }

        @Override
        public void reconnectionFailed(Exception error) {
            Says.that("library-failed-to-reconnect", "error", error.toString());
        }
    }

    /** What the original does about it: nothing, unless the library calls it an error. */
    private final class ComesBack implements ConnectionListener {
        @Override
        public void connectionClosed() {}

        @Override
        public void connectionClosedOnError(Exception error) {
            if (connection.isConnected()) {
                connection.disconnect();
            }
            comeBack();
        }

        @Override
        public void reconnectingIn(int seconds) {}

        @Override
        public void reconnectionSuccessful() {}

        @Override
        public void reconnectionFailed(Exception error) {}
    }
}
