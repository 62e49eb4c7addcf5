package io.sandpiper;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The value of a {@link SandboxLocal} in one sandbox, or in none. */
final class SandboxValue<T extends @Nullable Object> implements SandboxPart {

  private enum State {
    ABSENT,
    BEING_MADE,
    PRESENT,
    ENDED
  }

  private final Supplier<? extends T> initial;
  private final SandboxLocal.Release<T> release;
  private final ReentrantLock lock = new ReentrantLock();
  // Guarded by the lock.
  private State state = State.ABSENT;
  private @Nullable T value;

  SandboxValue(Supplier<? extends T> initial, SandboxLocal.Release<T> release) {
    this.initial = initial;
    this.release = release;
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

  @SuppressWarnings("NullAway") // It is null where T is nullable.
  T get() {
    lock.lock();
    try {
      switch (state) {
        case PRESENT:
          return value;
        case ENDED:
          throw ended();
        case BEING_MADE:
          throw new IllegalStateException(
              "A SandboxLocal is asked for its value by %s, which makes it. Break the cycle."
                  .formatted(initial));
        default:
          return made();
      }
    } finally {
      lock.unlock();
    }
  }

  private T made() {
    state = State.BEING_MADE;
    try {
      T made = initial.get();
      value = made;
      state = State.PRESENT;
      return made;
    } finally {
      if (state == State.BEING_MADE) {
        state = State.ABSENT;
      }
    }
  }

  void set(T next) {
    lock.lock();
    try {
      if (state == State.ENDED) {
        throw ended();
      }
      if (state != State.PRESENT || value != next) {
        removeUnchecked();
      }
      value = next;
      state = State.PRESENT;
    } finally {
      lock.unlock();
    }
  }

  void remove() {
    lock.lock();
    try {
      removeUnchecked();
    } finally {
      lock.unlock();
    }
  }

  private void removeUnchecked() {
    try {
      remove(State.ABSENT);
    } catch (RuntimeException failed) {
      throw failed;
    } catch (Exception failed) {
      throw new IllegalStateException(
          "The value of a SandboxLocal could not be released: " + failed, failed);
    }
  }

  @SuppressWarnings("NullAway") // It is null where T is nullable.
  private void remove(State next) throws Exception {
    T last = value;
    boolean present = state == State.PRESENT;
    value = null;
    state = state == State.ENDED ? State.ENDED : next;
    if (present) {
      release.release(last);
    }
  }

  @Override
  public void fence() {}

  @Override
  public void rollBack() throws Exception {
    lock.lock();
    try {
      remove(State.ENDED);
    } catch (Exception failed) {
      throw new IllegalStateException(
          "the value of a SandboxLocal could not be released: " + failed, failed);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
