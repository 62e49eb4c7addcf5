package io.sandpiper;

import java.util.Arrays;
import java.util.List;

/** Where threads are now, as the texts of this harness write it. */
final class Stacks {

  private static final String TEST_FRAMEWORK = "org.junit.";
  private static final List<String> REFLECTION =
      List.of("java.lang.reflect.", "jdk.internal.reflect.", "java.lang.invoke.");

  private Stacks() {}

  /** One line for each frame, the innermost first; nothing of a thread that has ended. */
  static String text(Thread thread) {
    return text(thread.getStackTrace());
  }

  /** One line for each frame; what calls the test method is left out. */
  static String text(StackTraceElement[] stack) {
    StringBuilder text = new StringBuilder();
    Arrays.stream(stack)
        .limit(ofTheTest(stack))
        .forEach(frame -> text.append("      at ").append(frame).append('\n'));
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

  /** How many frames there are inside of the test method, with it; all where there is none. */
  private static int ofTheTest(StackTraceElement[] stack) {
    int count = 0;
    while (count < stack.length && !stack[count].getClassName().startsWith(TEST_FRAMEWORK)) {
      count++;
    }
    if (count < stack.length) {
      while (count > 0 && isReflection(stack[count - 1])) {
        count--;
      }
    }
    return count;
  }

  private static boolean isReflection(StackTraceElement frame) {
    return REFLECTION.stream().anyMatch(frame.getClassName()::startsWith);
  }
}
