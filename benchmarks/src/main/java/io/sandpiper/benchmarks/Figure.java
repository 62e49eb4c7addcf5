package io.sandpiper.benchmarks;

/** One row of the design's table of figures. */
interface Figure {

  /** Its name there, such as {@code P1}. */
  String name();

  /** Measures it, and hands its lines to the report. */
  void measure(Bench bench, Report report) throws Exception;
}
