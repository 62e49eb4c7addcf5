package io.sandpiper;

/** Where threads are now, as the texts of this harness write it. */
final class Stacks {

  private Stacks() {}

  /** One line for each frame, the innermost first; nothing of a thread that has ended. */
  static String text(Thread thread) {
    StringBuilder text = new StringBuilder();
    for (StackTraceElement frame : thread.getStackTrace()) {
      text.append("      at ").append(frame).append('\n');
    }
    return text.toString();
  }
}
