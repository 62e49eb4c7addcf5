package io.sandpiper.context;

import org.jspecify.annotations.Nullable;

/**
 * The binding of the current thread to one unit of work, from {@link #open} to {@link #close}.
 *
 * <p>Scopes nest: closing one restores what the thread was bound to before. A scope is closed by
 * the thread that opened it, innermost first; anything else is an error that names who opened it,
 * because a binding left behind on a pooled thread would hand one test's work to another. The
 * strictness is that of Brave's {@code StrictScopeDecorator}.
 */
public final class Scope implements AutoCloseable {

  private static final ThreadLocal<@Nullable Scope> INNERMOST = new ThreadLocal<>();

  private final @Nullable UnitOfWork work;
  private final String opener;
  private final @Nullable Runnable whenClosed;
  private final Thread thread = Thread.currentThread();
  private final @Nullable Scope outer = INNERMOST.get();
  private boolean closed;

  private Scope(@Nullable UnitOfWork work, String opener, @Nullable Runnable whenClosed) {
    this.work = work;
    this.opener = opener;
    this.whenClosed = whenClosed;
  }

  /**
   * Binds the current thread.
   *
   * @param work what the thread now does; null where it does nobody's work
   * @param opener who opens the scope, for the error that names it when it leaks
   */
  public static Scope open(@Nullable UnitOfWork work, String opener) {
    return open(new Scope(work, opener, null));
  }

  /**
   * As {@link #open(UnitOfWork, String)}.
   *
   * @param whenClosed called once by the thread when it is no longer bound
   */
  public static Scope open(@Nullable UnitOfWork work, String opener, Runnable whenClosed) {
    return open(new Scope(work, opener, whenClosed));
  }

  private static Scope open(Scope scope) {
    INNERMOST.set(scope);
    return scope;
  }

  /** The work that the current thread is bound to, or null where it is bound to none. */
  public static @Nullable UnitOfWork currentWork() {
    Scope scope = INNERMOST.get();
    return scope == null ? null : scope.work;
  }

  /** Who opened the innermost open scope of the current thread, or null where none is open. */
  public static @Nullable String currentOpener() {
    Scope scope = INNERMOST.get();
    return scope == null ? null : scope.opener;
  }

  /** The innermost open scope of the current thread that {@code opener} opened, or null. */
  static @Nullable Scope innermost(String opener) {
    Scope scope = INNERMOST.get();
    while (scope != null && !scope.opener.equals(opener)) {
      scope = scope.outer;
    }
    return scope;
  }

  /**
   * Restores what the thread was bound to before; a second call does nothing.
   *
   * @throws IllegalStateException on another thread than the one that opened it, in which case
   *     nothing changes, or where scopes opened later are still open, in which case they are undone
   *     too
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    if (Thread.currentThread() != thread) {
      throw new IllegalStateException(
          ("The scope opened by %s on thread %s was closed on thread %s."
                  + " Close a scope on the thread that opened it.")
              .formatted(opener, thread.getName(), Thread.currentThread().getName()));
    }
    Scope innermost = INNERMOST.get();
    restore();
    if (innermost != this) {
      throw new IllegalStateException(
          ("The scope opened by %s was closed while the scope opened by %s inside it was still"
                  + " open on thread %s. Close scopes innermost first, best by try-with-resources.")
              .formatted(
                  opener, innermost == null ? "nobody" : innermost.opener, thread.getName()));
    }
  }

  private void restore() {
    Scope innermost = INNERMOST.get();
    if (outer == null) {
      INNERMOST.remove();
    } else {
      INNERMOST.set(outer);
    }
    for (Scope scope = innermost; scope != null && scope != outer; scope = scope.outer) {
      scope.closed = true;
      if (scope.whenClosed != null) {
        scope.whenClosed.run();
      }
    }
  }

  @Override
  public String toString() {
    return "scope opened by " + opener;
  }
}
