package io.sandpiper;

import java.time.Duration;
import java.util.List;

/** Who does a task: threads of this JVM or another process. */
interface Doer {

  /** The threads of this JVM that are at it now. */
  List<Thread> threads();

  /**
   * Asks it to end.
   *
   * @return whether there was anything to ask: it had begun, and had not ended
   */
  boolean stop();

  /** How long it may take to end when it is asked to. */
  Duration grace();

  /** Ends it if that can be done. */
  void kill();
}
