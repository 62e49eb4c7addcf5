package io.sandpiper;

import java.lang.StackWalker.StackFrame;
import java.lang.reflect.Proxy;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The frame of the application that asked for something: the first one outside of the harness, the
 * JDK and the usual libraries, or of a library where there is no other.
 *
 * <p>Finding it costs about a microsecond; its line is looked up when somebody reads it. Immutable.
 */
public final class CallSite {

  private static final StackWalker WALKER =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

  private static final int DEEPEST = 128;

  private static final String[] LIBRARIES = {
    "ch.qos.logback.",
    "com.amazonaws.",
    "com.azure.",
    "com.github.dockerjava.",
    "com.hazelcast.",
    "com.mongodb.",
    "com.mysql.",
    "com.p6spy.",
    "com.querydsl.",
    "com.rabbitmq.",
    "com.zaxxer.hikari.",
    "groovy.",
    "io.grpc.",
    "io.lettuce.",
    "io.micrometer.",
    "io.netty.",
    "io.opentelemetry.",
    "io.r2dbc.",
    "io.reactivex.",
    "io.vertx.",
    "io.zonky.",
    "jakarta.",
    "javax.",
    "kotlin.",
    "kotlinx.",
    "liquibase.",
    "net.ttddyy.",
    "okhttp3.",
    "okio.",
    "oracle.",
    "org.aopalliance.",
    "org.apache.",
    "org.aspectj.",
    "org.eclipse.",
    "org.ehcache.",
    "org.flywaydb.",
    "org.glassfish.",
    "org.h2.",
    "org.hibernate.",
    "org.infinispan.",
    "org.jboss.",
    "org.jdbi.",
    "org.jooq.",
    "org.junit.",
    "org.mariadb.",
    "org.mybatis.",
    "org.postgresql.",
    "org.quartz.",
    "org.redisson.",
    "org.slf4j.",
    "org.springframework.",
    "org.testcontainers.",
    "reactor.",
    "redis.clients.",
    "scala.",
    "software.amazon.",
  };

  /**
   * Remembers what each class is, because names are compared more slowly than stacks are walked.
   */
  private static final ClassValue<Owner> OWNERS =
      new ClassValue<>() {
        @Override
        protected Owner computeValue(Class<?> type) {
          return Owner.of(type);
        }
      };

  private enum Owner {
    PLATFORM,
    LIBRARY,
    APPLICATION;

    static Owner of(Class<?> type) {
      ClassLoader loader = type.getClassLoader();
      if (loader == null
          || loader == ClassLoader.getPlatformClassLoader()
          || type.getProtectionDomain().getCodeSource()
              == CallSite.class.getProtectionDomain().getCodeSource()) {
        return PLATFORM;
      }
      if (Proxy.isProxyClass(type) || type.getName().contains("$$")) {
        return LIBRARY;
      }
      for (String library : LIBRARIES) {
        if (type.getName().startsWith(library)) {
          return LIBRARY;
        }
      }
      return APPLICATION;
    }
  }

  private final StackFrame frame;

  private CallSite(StackFrame frame) {
    this.frame = frame;
  }

  /** The one that the current thread comes from, or null where it runs no code but the JDK's. */
  public static @Nullable CallSite here() {
    StackFrame found = WALKER.walk(CallSite::find);
    return found == null ? null : new CallSite(found);
  }

  /** Whether a class is the application's, or a test's, and of no library that is known as one. */
  public static boolean isOfApplication(Class<?> type) {
    return OWNERS.get(type) == Owner.APPLICATION;
  }

  private static @Nullable StackFrame find(Stream<StackFrame> stack) {
    StackFrame library = null;
    var frames = stack.limit(DEEPEST).iterator();
    while (frames.hasNext()) {
      StackFrame frame = frames.next();
      switch (OWNERS.get(frame.getDeclaringClass())) {
        case APPLICATION:
          return frame;
        case LIBRARY:
          library = library == null ? frame : library;
          break;
        case PLATFORM:
          break;
      }
    }
    return library;
  }

  /** "com.acme.Orders.place(Orders.java:42)". */
  @Override
  public String toString() {
    return frame.toStackTraceElement().toString();
  }
}
