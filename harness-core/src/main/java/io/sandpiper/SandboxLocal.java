package io.sandpiper;

import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A value for each sandbox, for singletons that hold state: the same for the test, its listener
 * calls, requests and tasks, and another one for its neighbours.
 *
 * <p>It is for code of the tests, such as fakes and stubs: in the application it would be a
 * dependency on the harness. A singleton that is a Spring bean is better replaced by one of the
 * scope {@code sandbox}, which needs no change of it.
 *
 * <p>All work of no sandbox shares one value, as in production. A value is released when its
 * sandbox ends, by a thread of the harness that works for it; the database of the sandbox is out of
 * reach by then. A release that takes longer than the end of a test waits for background work is
 * interrupted, and fails the test. Safe for use by several threads: when several ask first, one of
 * them makes the value and the others wait for it; one that comes too late, because the sandbox has
 * ended meanwhile, is released at once by whoever made it.
 *
 * @param <T> the type of the value; values may be null where it is nullable
 */
public final class SandboxLocal<T extends @Nullable Object> {

  private final Supplier<? extends T> initial;
  private final Release<T> release;
  private final SandboxValue<T> shared;

  /** Lets go of a value. */
  interface Release<T extends @Nullable Object> {
    void release(T value) throws Exception;

    /** Whether there is anything to do; false only where that is sure. */
    default boolean isNeeded(@Nullable T value) {
      return true;
    }
  }

  private record Closing<T extends @Nullable Object>() implements Release<T> {

    @Override
    public void release(T value) throws Exception {
      if (value instanceof AutoCloseable closeable) {
        closeable.close();
      }
    }

    @Override
    public boolean isNeeded(@Nullable T value) {
      return value instanceof AutoCloseable;
    }
  }

  private SandboxLocal(Supplier<? extends T> initial, Release<T> release) {
    this.initial = initial;
    this.release = release;
    this.shared = new SandboxValue<>(initial, release, null);
  }

  /**
   * A value that is made at the first {@link #get}; to release it, it is closed where it is {@link
   * AutoCloseable}.
   *
   * @param initial makes the value, in the thread and scope of whoever asks first
   */
  public static <T extends @Nullable Object> SandboxLocal<T> withInitial(
      Supplier<? extends T> initial) {
    return new SandboxLocal<>(initial, new Closing<>());
  }

  /**
   * As {@link #withInitial(Supplier)}, released in a way of its own.
   *
   * @param release called once for each value that was made or set; what it throws fails the test
   */
  public static <T extends @Nullable Object> SandboxLocal<T> withInitial(
      Supplier<? extends T> initial, Consumer<? super T> release) {
    return new SandboxLocal<>(initial, release::accept);
  }

  /**
   * The value of the sandbox that the current thread works for.
   *
   * @throws IllegalStateException where that sandbox has ended, or where the value is asked for
   *     while it is made
   */
  public T get() {
    return here().get();
  }

  /**
   * Replaces the value; the one that was there is released.
   *
   * @throws IllegalStateException where the sandbox has ended
   */
  public void set(T value) {
    here().set(value);
  }

  /**
   * Releases the value; the next {@link #get} makes another one.
   *
   * @throws IllegalStateException where the sandbox has ended
   */
  public void remove() {
    here().remove();
  }

  private SandboxValue<T> here() {
    Work work = Work.current();
    return work == null ? shared : of(work.sandbox());
  }

  @SuppressWarnings("unchecked") // The part under this key is made here and nowhere else.
  private SandboxValue<T> of(Sandbox sandbox) {
    SandboxPart value = sandbox.part(this, () -> new SandboxValue<>(initial, release, sandbox));
    if (value == null) {
      throw SandboxValue.ended();
    }
    return (SandboxValue<T>) value;
  }
}
