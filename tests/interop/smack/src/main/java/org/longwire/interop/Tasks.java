package org.longwire.interop;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The original's queue: one task at a time, and the next only when the one before has called {@link #next()}. */
final class Tasks {
    private final ExecutorService executor = Executors.newSingleThreadExecutor();
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private boolean isRunning;

    synchronized void add(Runnable task) {
        if (isRunning) {
            waiting.add(task);
        } else {
            start(task);
        }
    }

    synchronized void next() {
        isRunning = false;
        var task = waiting.poll();
        if (task != null) {
            start(task);
        }
    }

    private void start(Runnable task) {
        isRunning = true;
        executor.execute(() -> {
            try {
                task.run();
            } catch (RuntimeException error) {
                // In the original it is lost in the executor, and the queue stands still.
                Says.that("task-failed", "error", error.toString());
            }
        });
    }
}
