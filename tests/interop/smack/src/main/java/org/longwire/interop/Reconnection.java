package org.longwire.interop;

/** The original's thread that comes back: by its table of waits, without an end, and without starting over after a success. */
final class Reconnection extends Thread {
    private final Manager manager;
    private int rounds;

    Reconnection(Manager manager) {
        super("reconnection");
        this.manager = manager;
        setDaemon(true);
    }

    @Override
    public void run() {
        try {
            while (!isInterrupted()) {
                Thread.sleep(waitSeconds() * 1000L);
                manager.connect();
                rounds += 1;
            }
        } catch (InterruptedException ended) {
            Says.that("reconnection-ended", "error", ended.toString());
        }
    }

    private int waitSeconds() {
        if (rounds > 20) {
            return 600;
        }
        if (rounds > 13) {
            return 300;
        }
        return rounds <= 7 ? 10 : 60;
    }
}
