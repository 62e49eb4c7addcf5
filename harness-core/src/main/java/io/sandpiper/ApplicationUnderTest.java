package io.sandpiper;

import org.jspecify.annotations.Nullable;

/**
 * What a sandbox asks of the application that its test works with; for integrations, a test asks
 * its {@link Sandbox}.
 *
 * <p>Methods may be called from any thread.
 */
public interface ApplicationUnderTest extends CallWatcher {

  /**
   * Runs scheduled methods of a component once, in the calling thread.
   *
   * @param component the type of the component
   * @param method which one, or null for all that the component has
   * @throws IllegalArgumentException where there is no such component or method
   * @throws Exception what the method throws
   */
  void tick(Class<?> component, @Nullable String method) throws Exception;

  /**
   * Says why {@link #watch} cannot.
   *
   * @return a clause for a message, such as {@code bean orders has no proxy}
   */
  default String whyNotWatched(Class<?> component) {
    return "it is no bean of the application";
  }
}
