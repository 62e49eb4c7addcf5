package io.sandpiper.agent;

import io.sandpiper.Sandbox;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/** What watched classes call; for code that the agent has added to them. */
public final class CallRecorder {

  /** Set while arguments and results are written down, by methods that may be watched too. */
  private static final ThreadLocal<@Nullable Boolean> RECORDS = new ThreadLocal<>();

  private CallRecorder() {}

  /**
   * Whether a call that begins is to be recorded.
   *
   * @param target whose method it is
   * @param type the name of the class that the method's code is in
   * @param descriptor the method's, as the JVM writes it
   */
  public static boolean watches(Object target, String type, String method, String descriptor) {
    return Sandbox.isWatched(target.getClass())
        && RECORDS.get() == null
        && !isCallOfSuper(target.getClass(), type, method, descriptor);
  }

  /** The call of an overridden method by the one that overrides it is no call of its own. */
  private static boolean isCallOfSuper(
      Class<?> target, String type, String method, String descriptor) {
    Class<?>[] parameters =
        MethodType.fromMethodDescriptorString(descriptor, target.getClassLoader()).parameterArray();
    for (Class<?> each = target;
        each != null && !each.getName().equals(type);
        each = each.getSuperclass()) {
      // Generated subclasses hand every call on and are not changed themselves.
      if (!each.getName().contains("$$") && declares(each, method, parameters)) {
        return true;
      }
    }
    return false;
  }

  private static boolean declares(Class<?> type, String method, Class<?>[] parameters) {
    try {
      return !type.getDeclaredMethod(method, parameters).isBridge();
    } catch (NoSuchMethodException inherited) {
      return false;
    }
  }

  /** Records a call that has ended. */
  public static void ended(
      Object target,
      String method,
      @Nullable Object[] arguments,
      String returnType,
      @Nullable Object returned,
      @Nullable Throwable thrown) {
    RECORDS.set(true);
    try {
      Sandbox.called(target.getClass(), method, arguments, outcome(returnType, returned, thrown));
    } finally {
      RECORDS.remove();
    }
  }

  private static String outcome(
      String returnType, @Nullable Object returned, @Nullable Throwable thrown) {
    if (thrown != null) {
      return "threw " + Sandbox.textOf(thrown);
    }
    return returnType.equals("void") ? "returned" : "returned " + Sandbox.textOf(returned);
  }
}
