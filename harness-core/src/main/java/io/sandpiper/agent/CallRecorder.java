package io.sandpiper.agent;

import io.sandpiper.WatchedCall;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/** What watched classes call; for code that the agent has added to them. */
public final class CallRecorder {

  private CallRecorder() {}

  /**
   * A call begins.
   *
   * @param target whose method it is
   * @param type the name of the class that the method's code is in
   * @param descriptor the method's, as the JVM writes it
   * @return what {@link #ended} wants; null where the call is not to be recorded
   */
  public static @Nullable Object begun(
      Object target, String type, String method, String descriptor, @Nullable Object[] arguments) {
    WatchedCall call =
        WatchedCall.begin(WatchedCall.Teller.RUN, target.getClass(), method, arguments);
    return call == null || isCallOfSuper(target.getClass(), type, method, descriptor) ? null : call;
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
      Object begun, String returnType, @Nullable Object returned, @Nullable Throwable thrown) {
    WatchedCall call = (WatchedCall) begun;
    if (thrown != null) {
      call.threw(thrown);
    } else if (returnType.equals("void")) {
      call.returned();
    } else {
      call.returned(returned);
    }
  }
}
