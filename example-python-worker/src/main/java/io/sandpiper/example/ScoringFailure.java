package io.sandpiper.example;

import org.jspecify.annotations.Nullable;

/**
 * What the worker answers where it cannot score.
 *
 * @param batchId null where the request was too broken to tell
 */
record ScoringFailure(@Nullable Long batchId, String error) {}
