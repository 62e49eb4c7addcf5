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

  /** Whether a thread is about to take something out of a queue of the JDK. */
  static boolean isInQueue(Thread thread) {
    StackTraceElement called = null;
    for (StackTraceElement frame : thread.getStackTrace()) {
      if (!isOfJdk(frame.getClassName())) {
        break;
      }
      called = frame;
    }
    return called != null && isQueue(called.getClassName()) && takes(called.getMethodName());
  }

  private static boolean isOfJdk(String type) {
    return type.startsWith("java.") || type.startsWith("jdk.") || type.startsWith("sun.");
  }

  private static boolean isQueue(String type) {
    return type.startsWith("java.util.concurrent.")
        && (type.endsWith("Queue") || type.endsWith("Deque"));
  }

  private static boolean takes(String method) {
    return method.startsWith("take") || method.startsWith("poll");
  }
}
