package io.sandpiper.context;

import org.jspecify.annotations.Nullable;

/**
 * A periodic task of somebody, who may end before it does.
 *
 * <p>Implementations are safe for use by several threads.
 */
public interface Repetition {

  /**
   * Begins one run, on the thread that runs it; null where its owner has ended: it must not run.
   */
  @Nullable UnitOfWork next();

  /**
   * Has the task cancelled when its owner ends, and at once where that has ended.
   *
   * @param cancel called once at most, by any thread
   */
  void cancelWith(Runnable cancel);

  /** Says that the task was cancelled, so that nobody need do it. */
  void cancelled();
}
