package io.sandpiper.agent;

import io.sandpiper.WatchedCall;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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
    Class<?> called = target.getClass();
    return WatchedCall.isWanted(WatchedCall.Teller.RUN, called)
            && !isCallOfSuper(called, type, method, descriptor)
        ? WatchedCall.begin(WatchedCall.Teller.RUN, called, method, arguments)
        : null;
  }

  /** The call of an overridden method by the one that overrides it is no call of its own. */
  private static boolean isCallOfSuper(
      Class<?> target, String type, String method, String descriptor) {
    try {
      Class<?>[] parameters =
          MethodType.fromMethodDescriptorString(descriptor, target.getClassLoader())
              .parameterArray();
      for (Class<?> each = target;
          each != null && !each.getName().equals(type);
          each = each.getSuperclass()) {
        // Generated subclasses hand every call on and are not changed themselves.
        if (!each.getName().contains("$$") && overrides(each, method, parameters)) {
          return true;
        }
      }
      return false;
    } catch (LinkageError | TypeNotPresentException unreadable) {
      // The application works without a class that one of its methods mentions.
      return false;
    }
  }

  private static boolean overrides(Class<?> type, String method, Class<?>[] parameters) {
    try {
      return !type.getDeclaredMethod(method, parameters).isBridge()
          || Stream.of(type.getDeclaredMethods())
              .anyMatch(each -> isBehindBridge(each, method, parameters));
    } catch (NoSuchMethodException inherited) {
      return false;
    }
  }

  /**
   * A bridge of a generic method has its method beside it; one that only widens access has none.
   */
  private static boolean isBehindBridge(Method each, String method, Class<?>[] parameters) {
    Class<?>[] own = each.getParameterTypes();
    return !each.isSynthetic()
        && each.getName().equals(method)
        && own.length == parameters.length
        && IntStream.range(0, own.length).allMatch(i -> parameters[i].isAssignableFrom(own[i]));
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
