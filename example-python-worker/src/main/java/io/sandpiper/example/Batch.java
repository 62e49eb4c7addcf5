package io.sandpiper.example;

import org.jspecify.annotations.Nullable;

/**
 * A batch of texts.
 *
 * @param error why it failed, where it did
 */
record Batch(long id, @Nullable String name, State state, @Nullable String error) {

  enum State {
    PENDING,
    SCORED,
    FAILED
  }
}
