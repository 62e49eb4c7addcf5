package io.sandpiper;

import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who can make calls known to {@link WatchedCall}, in whatever sandbox they are made; for
 * integrations.
 *
 * <p>Methods may be called from any thread.
 */
@FunctionalInterface
public interface CallWatcher {

  /**
   * Makes calls of the methods of a component known.
   *
   * @return whether it does; false where there is no such component here or nobody can tell of its
   *     calls
   * @throws IllegalStateException where it should and cannot
   */
  boolean watch(Class<?> component);

  /**
   * The classes and interfaces, as far as they are known now, whose methods are those of a
   * component that is watched, beside its own and those that it inherits.
   */
  default Collection<Class<?>> implementations(Class<?> component) {
    return List.of();
  }

  /**
   * Why calls of a component that is watched may not be known after all.
   *
   * @return a clause for a message; null where there is no such reason
   */
  default @Nullable String trouble(Class<?> component) {
    return null;
  }
}
