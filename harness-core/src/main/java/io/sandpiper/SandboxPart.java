package io.sandpiper;

import org.jspecify.annotations.Nullable;

/**
 * A resource that one sandbox owns and that ends with it, such as its database connection.
 *
 * <p>Methods may be called from any thread.
 */
public interface SandboxPart {

  /** Makes every later use fail, and cuts short what is in progress. */
  void fence();

  /**
   * Undoes all effects and gives back what was borrowed; called once, after {@link #fence()}.
   *
   * @throws Exception where effects may have outlived the sandbox; the test then fails
   */
  void rollBack() throws Exception;

  /**
   * Called instead of {@link #rollBack()} where the test failed; may keep effects to be looked at.
   *
   * @return what to tell with the failure, or null
   * @throws Exception as {@link #rollBack()} does
   */
  default @Nullable String rollBackFailed() throws Exception {
    rollBack();
    return null;
  }

  /**
   * The name of the database in which other processes may join the test; made now where it is not
   * there yet.
   *
   * @return the name, or null where this part has none to tell
   * @throws Exception where there is to be one and cannot
   */
  default @Nullable String databaseToJoin() throws Exception {
    return null;
  }

  /**
   * Says what other work of the sandbox waits for until {@code thread} goes on.
   *
   * @return a sentence with the remedy, or null where nothing waits for that thread
   */
  @Nullable String heldUpBy(Thread thread);
}
