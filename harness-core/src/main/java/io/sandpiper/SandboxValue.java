package io.sandpiper;

import io.sandpiper.context.TaskLedger;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The value of a {@link SandboxLocal} in one sandbox, or in none.
 *
 * <p>One thread at a time makes or releases it, outside of the lock: the end of a test goes past
 * one that does not come back.
 */
@SuppressWarnings("NullAway") // The value is null where T is nullable.
final class SandboxValue<T extends @Nullable Object> implements SandboxPart {

  private static final Duration GRACE = Duration.ofMillis(500);

  private final Supplier<? extends T> initial;
  private final SandboxLocal.Release<T> release;
  private final @Nullable Sandbox sandbox;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // Guarded by the lock; the value is changed by the busy thread alone, or where there is none.
  private @Nullable Thread busy;
  private boolean ended;
  private boolean present;
  private @Nullable T value;

  /**
   * Makes one that is absent.
   *
   * @param sandbox whose value it is, or null
   */
  SandboxValue(
      Supplier<? extends T> initial, SandboxLocal.Release<T> release, @Nullable Sandbox sandbox) {
    this.initial = initial;
    this.release = release;
    this.sandbox = sandbox;
  }

  static IllegalStateException ended() {
    Work work = Work.current();
    return new IllegalStateException(
        ("%s has ended, and with it the values it had of its own. %s outlives its test: await it in"
                + " the test, or end it.")
            .formatted(
                work == null ? "The sandbox" : work.sandbox(),
                work == null ? "Something" : work.origin()));
  }

  T get() {
    lock.lock();
    try {
      // What releases a value may ask for it.
      boolean releases = present && busy == Thread.currentThread();
      if (!releases) {
        awaitOthers();
      }
      if (present) {
        return value;
      }
      busy = Thread.currentThread();
    } finally {
      lock.unlock();
    }
    try {
      T made = initial.get();
      keep(made);
      return made;
    } finally {
      leave();
    }
  }

  void set(T next) {
    enter();
    try {
      if (!present || value != next) {
        release();
      }
      keep(next);
    } finally {
      leave();
    }
  }

  void remove() {
    enter();
    try {
      release();
    } finally {
      leave();
    }
  }

  private void enter() {
    lock.lock();
    try {
      awaitOthers();
      busy = Thread.currentThread();
    } finally {
      lock.unlock();
    }
  }

  private void awaitOthers() {
    if (busy == Thread.currentThread()) {
      throw new IllegalStateException(
          "%s is asked for while it is made. Break the cycle.".formatted(described()));
    }
    try {
      while (busy != null && !ended) {
        changed.awaitNanos(GRACE.toNanos());
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(
          "The thread was interrupted while another was at %s.".formatted(described()),
          interrupted);
    }
    if (ended) {
      throw ended();
    }
  }

  private void leave() {
    lock.lock();
    try {
      busy = null;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** What comes too late is released by whoever made it. */
  private void keep(T next) {
    lock.lock();
    try {
      if (!ended) {
        value = next;
        present = true;
        return;
      }
    } finally {
      lock.unlock();
    }
    release(next);
    throw ended();
  }

  private void release() {
    if (present) {
      try {
        release(value);
      } finally {
        clear();
      }
    }
  }

  private void clear() {
    lock.lock();
    try {
      present = false;
      value = null;
    } finally {
      lock.unlock();
    }
  }

  private void release(T last) {
    try {
      release.release(last);
    } catch (RuntimeException failed) {
      throw failed;
    } catch (Exception failed) {
      throw new IllegalStateException(
          "The value of a SandboxLocal could not be released: " + failed, failed);
    }
  }

  private String described() {
    return "the value of a SandboxLocal (%s)".formatted(TaskLedger.nameOf(initial));
  }

  @Override
  public void fence() {
    // Until all values are released, one may need another.
  }

  @Override
  public void rollBack() {
    Sandbox owner = Objects.requireNonNull(sandbox, "the value of nobody has no end");
    Thread stuck = end(owner.changesNothing() ? Duration.ZERO : GRACE);
    if (stuck == null && present && release.isNeeded(value)) {
      TimedRelease.run(owner, described(), this::releaseLast);
    } else if (stuck != null && !owner.changesNothing()) {
      throw new IllegalStateException(
          ("%s was still being made or released by thread %s. It is refused to that thread, which"
                  + " releases it when it comes back. Await that work in the test, or let it end"
                  + " when it is interrupted. The thread is%n%s")
              .formatted(described(), stuck.getName(), Stacks.text(stuck)));
    }
  }

  /** Returns who is still at the value after a grace, or null. */
  private @Nullable Thread end(Duration grace) {
    long left = grace.toNanos();
    boolean interrupted = false;
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
      while (busy != null && left > 0) {
        try {
          left = changed.awaitNanos(left);
        } catch (InterruptedException again) {
          interrupted = true;
        }
      }
      return busy;
    } finally {
      lock.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void releaseLast() throws Exception {
    lock.lock();
    try {
      busy = Thread.currentThread();
    } finally {
      lock.unlock();
    }
    try {
      release.release(value);
    } finally {
      clear();
      leave();
    }
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
