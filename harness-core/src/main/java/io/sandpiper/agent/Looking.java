package io.sandpiper.agent;

import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Functions of futures that are given failures, and tell that they were. */
final class Looking {

  private Looking() {}

  /**
   * What takes the place of a function.
   *
   * @param method the method of the future that it is handed to, which says what kind it is of
   */
  static Object of(String method, Object function, Failures failures) {
    return switch (method) {
      case "uniHandleStage" -> handler(function, failures);
      case "uniWhenCompleteStage" -> action(function, failures);
      default -> recovery(function, failures);
    };
  }

  @SuppressWarnings("unchecked")
  private static Object handler(Object function, Failures failures) {
    var handler = (BiFunction<Object, @Nullable Throwable, Object>) function;
    return (BiFunction<Object, @Nullable Throwable, Object>)
        (value, failure) -> {
          failures.seen(failure);
          return handler.apply(value, failure);
        };
  }

  @SuppressWarnings("unchecked")
  private static Object action(Object function, Failures failures) {
    var action = (BiConsumer<Object, @Nullable Throwable>) function;
    return (BiConsumer<Object, @Nullable Throwable>)
        (value, failure) -> {
          failures.seen(failure);
          action.accept(value, failure);
        };
  }

  @SuppressWarnings("unchecked")
  private static Object recovery(Object function, Failures failures) {
    var recovery = (Function<Throwable, Object>) function;
    return (Function<Throwable, Object>)
        failure -> {
          failures.seen(failure);
          return recovery.apply(failure);
        };
  }
}
