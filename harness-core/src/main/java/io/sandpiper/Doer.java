package io.sandpiper;

import java.util.List;

/** Who does a task: threads of this JVM or another process. Its text names it. */
interface Doer {

  /** The threads of this JVM that are at it now. */
  List<Thread> threads();

  /** Asks it to end. */
  void stop();

  /** Ends it if that can be done. */
  void kill();
}
