package io.sandpiper.example;

/**
 * A batch has all its scores.
 *
 * @param batchId which
 */
record BatchScored(long batchId) {}
