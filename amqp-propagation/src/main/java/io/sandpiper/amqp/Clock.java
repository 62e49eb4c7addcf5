package io.sandpiper.amqp;

import java.util.concurrent.ScheduledThreadPoolExecutor;

/** What the harness does later on, on a thread of its own that keeps no JVM from ending. */
final class Clock {

  private Clock() {}

  static ScheduledThreadPoolExecutor start(String threadName) {
    ScheduledThreadPoolExecutor clock =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, threadName);
              thread.setDaemon(true);
              return thread;
            });
    clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    clock.setRemoveOnCancelPolicy(true);
    return clock;
  }
}
