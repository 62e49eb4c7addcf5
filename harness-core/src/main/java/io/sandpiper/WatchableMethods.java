package io.sandpiper;

import io.sandpiper.WatchedCall.Teller;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The methods whose calls are known where a type is watched. */
final class WatchableMethods {

  private final Class<?> type;
  private final CallWatcher watcher;
  private final Teller teller;

  WatchableMethods(Class<?> type, CallWatcher watcher, Teller teller) {
    this.type = type;
    this.watcher = watcher;
    this.teller = teller;
  }

  /** Why no call of a method of this name will ever be known; null where it may. */
  @Nullable String refusal(String name) {
    try {
      return refusal(name, methods());
    } catch (LinkageError unreadable) {
      // A class that a method mentions is missing; the class may work without it.
      return null;
    }
  }

  private @Nullable String refusal(String name, Set<Method> all) {
    List<Method> named = all.stream().filter(method -> method.getName().equals(name)).toList();
    if (named.stream().anyMatch(this::isWatchable)) {
      return null;
    }
    String has =
        all.stream()
            .filter(method -> method.getDeclaringClass() != Object.class && isWatchable(method))
            .map(Method::getName)
            .distinct()
            .sorted()
            .collect(Collectors.joining(", "));
    return "%s has no method %s that can be watched%s; it has: %s."
        .formatted(
            type.getName(),
            name,
            named.isEmpty() ? "" : " (it is %s)".formatted(modifier(named.get(0))),
            has.isEmpty() ? "none" : has);
  }

  private boolean isWatchable(Method method) {
    return modifier(method).isEmpty();
  }

  /** What keeps its calls from being known, or nothing. */
  private String modifier(Method method) {
    int modifiers = method.getModifiers();
    if (Modifier.isPrivate(modifiers)) {
      return "private";
    }
    if (Modifier.isStatic(modifiers)) {
      return "static";
    }
    return Modifier.isFinal(modifiers) && teller == Teller.APPLICATION
        ? "final, and passes no proxy"
        : Modifier.isNative(modifiers) && method.getDeclaringClass() != Object.class
            ? "native"
            : "";
  }

  private Set<Method> methods() {
    Set<Class<?>> types = new LinkedHashSet<>();
    addWithSupertypes(types, type);
    watcher.implementations(type).forEach(each -> addWithSupertypes(types, each));
    types.add(Object.class);
    Set<Method> methods = new LinkedHashSet<>();
    for (Class<?> each : types) {
      Stream.of(each.getDeclaredMethods())
          .filter(method -> !method.isSynthetic())
          .forEach(methods::add);
    }
    return methods;
  }

  private static void addWithSupertypes(Set<Class<?>> types, @Nullable Class<?> type) {
    if (type != null && type != Object.class && types.add(type)) {
      addWithSupertypes(types, type.getSuperclass());
      for (Class<?> each : type.getInterfaces()) {
        addWithSupertypes(types, each);
      }
    }
  }
}
