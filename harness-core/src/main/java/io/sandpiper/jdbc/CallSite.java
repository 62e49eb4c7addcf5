package io.sandpiper.jdbc;

import java.lang.StackWalker.Option;
import java.security.CodeSource;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The place in the application that has led here. */
final class CallSite {

  private static final List<String> INFRASTRUCTURE =
      List.of(
          "java.",
          "javax.",
          "jdk.",
          "sun.",
          "com.sun.",
          "com.zaxxer.",
          "org.postgresql.",
          "org.springframework.",
          "org.hibernate.",
          "org.jooq.",
          "org.apache.ibatis.",
          "org.mybatis.",
          "org.junit.");

  private CallSite() {}

  /** The innermost frame that is the application's own, or null where there is none. */
  static @Nullable StackTraceElement current() {
    return StackWalker.getInstance(Option.RETAIN_CLASS_REFERENCE)
        .walk(
            frames ->
                frames
                    .filter(frame -> !isInfrastructure(frame.getDeclaringClass()))
                    .findFirst()
                    .map(StackWalker.StackFrame::toStackTraceElement)
                    .orElse(null));
  }

  private static boolean isInfrastructure(Class<?> type) {
    String name = type.getName();
    return name.contains("$$")
        || INFRASTRUCTURE.stream().anyMatch(name::startsWith)
        || Objects.equals(source(type), source(CallSite.class));
  }

  private static @Nullable CodeSource source(Class<?> type) {
    return type.getProtectionDomain().getCodeSource();
  }
}
