package io.sandpiper;

import io.sandpiper.WatchedCall.Teller;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The calls that one test watches. */
final class WatchedCalls {

  private final Sandbox sandbox;

  /** Who tells of the calls of a class: of several that could, the first that was asked. */
  private final Map<Class<?>, Watch> watched = new ConcurrentHashMap<>();

  private record Watch(Teller teller, CallWatcher watcher) {}

  WatchedCalls(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  static String address(Class<?> type, String method) {
    return type.getName() + "." + method;
  }

  void watch(Class<?> type, Teller teller, CallWatcher watcher) {
    watched.putIfAbsent(type, new Watch(teller, watcher));
  }

  /** Whether somebody wants to know of calls of this type, and by this teller. */
  boolean watches(Teller teller, Class<?> type) {
    return watched.entrySet().stream().anyMatch(each -> is(each, teller, type));
  }

  private static boolean is(Map.Entry<Class<?>, Watch> watch, Teller teller, Class<?> type) {
    return watch.getValue().teller() == teller && watch.getKey().isAssignableFrom(type);
  }

  /**
   * Refuses to wait for calls that nobody will ever tell of.
   *
   * @throws IllegalStateException where calls of the type are not watched, or may be missed
   * @throws IllegalArgumentException where it has no such method that can be watched
   */
  void check(Class<?> type, String method) {
    Watch watch = watched.get(type);
    if (watch == null) {
      throw new IllegalStateException(
          "Calls of %s are not watched in %s%s: call sandbox.watch(%s.class) before they are made."
              .formatted(
                  type.getName(), sandbox.testName(), insteadOf(type), type.getSimpleName()));
    }
    String trouble = trouble(type);
    if (trouble != null) {
      throw new IllegalStateException(trouble);
    }
    String address = address(type, method);
    if (sandbox.read(() -> sandbox.mailbox().hasCallOf(address))) {
      return;
    }
    WatchableMethods methods = new WatchableMethods(type, watch.watcher(), watch.teller());
    String refusal = methods.refusal(method);
    if (refusal != null) {
      throw new IllegalArgumentException(refusal);
    }
  }

  /** Why calls may be missing, as a sentence, or null. */
  @Nullable String trouble(Class<?> type) {
    Watch watch = watched.get(type);
    String why = watch == null ? null : watch.watcher().trouble(type);
    return why == null
        ? null
        : "Calls of %s may be missing in %s: %s."
            .formatted(type.getName(), sandbox.testName(), why);
  }

  /** Calls are recorded as those of the type that is watched, be it a supertype. */
  private String insteadOf(Class<?> type) {
    String related =
        watched.keySet().stream()
            .filter(each -> each.isAssignableFrom(type) || type.isAssignableFrom(each))
            .map(each -> "called(%s.class, …)".formatted(each.getSimpleName()))
            .sorted()
            .collect(Collectors.joining(" or "));
    return related.isEmpty() ? "" : " (but await %s, which is watched)".formatted(related);
  }

  void called(Teller teller, Class<?> type, String method, byte[] arguments, String outcome) {
    for (Map.Entry<Class<?>, Watch> each : watched.entrySet()) {
      if (is(each, teller, type)) {
        sandbox
            .hops()
            .called(
                new Hop.Content(
                    Hop.Direction.CALLED,
                    address(each.getKey(), method),
                    null,
                    Map.of("outcome", outcome),
                    arguments,
                    Hop.Ids.NONE));
      }
    }
  }
}
