package io.sandpiper.example;

/**
 * A batch that has a name has all its scores.
 *
 * @param batchId which
 */
record BatchScored(long batchId) {}
