package io.sandpiper.jdbc;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.sql.SQLException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * The way of all calls to one physical connection, one at a time.
 *
 * <p>Calls of virtual threads are made by a platform thread: an interrupt would close the socket
 * under a virtual one. There it becomes a cancel of the statement that runs, and nothing else.
 */
final class Wire {

  private static final @Nullable MethodHandle IS_VIRTUAL = isVirtual();

  private final String name;
  private final ReentrantLock lock = new ReentrantLock();

  /**
   * Held while a cancel is on its way, so that it hits the call it is meant for and no later one.
   */
  private final ReentrantLock cancelling = new ReentrantLock();

  private volatile @Nullable PgConnection connection;
  private volatile @Nullable Object running;
  private @Nullable ExecutorService platformThread;

  Wire(String name) {
    this.name = name;
  }

  /** Tells what a cancel goes to. */
  void connected(PgConnection opened) {
    connection = opened;
  }

  <T extends @Nullable Object> T call(SqlCall<T> call) throws SQLException {
    return onVirtualThread() ? handOver(call) : inTurn(call);
  }

  private <T extends @Nullable Object> T inTurn(SqlCall<T> call) throws SQLException {
    lock.lock();
    try {
      if (lock.getHoldCount() > 1) {
        return call.call();
      }
      running = call;
      try {
        return call.call();
      } finally {
        idle();
      }
    } finally {
      lock.unlock();
    }
  }

  private void idle() {
    running = null;
    if (cancelling.isLocked()) {
      cancelling.lock();
      cancelling.unlock();
    }
  }

  private <T extends @Nullable Object> T handOver(SqlCall<T> call) throws SQLException {
    Future<T> result;
    try {
      result = platformThread().submit(() -> inTurn(call));
    } catch (RejectedExecutionException closed) {
      // Nothing is sent any more, and the call says so itself.
      return inTurn(call);
    }
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return result.get();
        } catch (InterruptedException interrupt) {
          interrupted = true;
          cancel(call);
        } catch (ExecutionException failed) {
          throw thrown(failed.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static SQLException thrown(@Nullable Throwable cause) {
    if (cause instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof SQLException failed ? failed : new SQLException(cause);
  }

  private synchronized ExecutorService platformThread() {
    ExecutorService known = platformThread;
    if (known == null) {
      known =
          Executors.newSingleThreadExecutor(
              task -> {
                Thread thread = new Thread(task, name);
                thread.setDaemon(true);
                return thread;
              });
      platformThread = known;
    }
    return known;
  }

  /** Cancels the call that is made now, if one is; returns when the server has been told. */
  void cancel() throws SQLException {
    cancel(running);
  }

  private void cancel(@Nullable Object call) throws SQLException {
    PgConnection known = connection;
    if (known == null || call == null) {
      return;
    }
    cancelling.lock();
    try {
      if (running == call) {
        known.cancelQuery();
      }
    } finally {
      cancelling.unlock();
    }
  }

  /** The call that is made now, to be compared with itself later; null where there is none. */
  @Nullable Object running() {
    return running;
  }

  /** Takes the connection out of use, and waits for the call in progress; false if it goes on. */
  boolean close(long seconds) throws InterruptedException {
    ExecutorService known;
    synchronized (this) {
      known = platformThread;
    }
    if (known != null) {
      known.shutdown();
    }
    return lock.tryLock(seconds, TimeUnit.SECONDS);
  }

  /** Gives up the turn that {@link #close} took. */
  void release() {
    lock.unlock();
  }

  private static boolean onVirtualThread() {
    if (IS_VIRTUAL == null) {
      return false;
    }
    try {
      return (boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
    } catch (Throwable impossible) {
      throw new IllegalStateException("Thread.isVirtual() throws nothing", impossible);
    }
  }

  /** Java 17 has no virtual threads. */
  private static @Nullable MethodHandle isVirtual() {
    try {
      return MethodHandles.publicLookup()
          .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
    } catch (NoSuchMethodException before21) {
      return null;
    } catch (IllegalAccessException notPublic) {
      throw new IllegalStateException(notPublic);
    }
  }
}
