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
   * Says what other work of the sandbox waits for until {@code thread} goes on.
   *
   * @return a sentence with the remedy, or null where nothing waits for that thread
   */
  @Nullable String heldUpBy(Thread thread);
}
