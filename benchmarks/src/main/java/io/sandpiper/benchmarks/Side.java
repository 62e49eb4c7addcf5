package io.sandpiper.benchmarks;

/** One of the two ways to do the same work. */
interface Side {

  /** What a block needs and what is not measured. */
  default void before() throws Exception {}

  /** The work, once. */
  void unit() throws Exception;

  /** Undoes {@link #before}; not measured. */
  default void after() throws Exception {}
}
