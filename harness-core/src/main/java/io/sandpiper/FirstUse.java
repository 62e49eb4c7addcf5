package io.sandpiper;

import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import java.lang.StackWalker.StackFrame;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the first use of something begins that is there for all tests: a class while it is
 * initialized, a singleton bean or an application context while it is made. It outlives the test
 * that happens to need it first, and works for nobody.
 *
 * <p>Finding out walks the whole stack, which costs a few microseconds. Immutable.
 */
final class FirstUse implements UnitOfWork {

  private static final StackWalker WALKER =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

  private static final String CONTEXT = "an application context while it started";

  /** Methods of Spring, by their class, that make what all tests share. */
  private static final Map<String, Maker> MAKERS =
      Map.of(
          "org.springframework.beans.factory.support.DefaultSingletonBeanRegistry",
          new Maker(Set.of("getSingleton"), "a singleton bean while it was made"),
          "org.springframework.beans.factory.support.FactoryBeanRegistrySupport",
          new Maker(Set.of("getObjectFromFactoryBean"), "a singleton bean while it was made"),
          "org.springframework.context.support.AbstractApplicationContext",
          new Maker(Set.of("refresh", "restart", "start"), CONTEXT),
          "org.springframework.boot.SpringApplication",
          new Maker(Set.of("run"), CONTEXT));

  /** Ours that make what belongs to one test, whatever needs it. */
  private static final Set<String> MAKERS_OF_A_TEST =
      Set.of("io.sandpiper.SandboxValue", "io.sandpiper.spring.SandboxScope$Beans");

  private record Maker(Set<String> methods, String describes) {}

  /** What a frame of a class may be: names of methods are dear, so few classes are asked for it. */
  private enum Kind {
    INITIALIZED,
    MAKER,
    MAKER_OF_A_TEST,
    OTHER;

    static Kind of(Class<?> type) {
      return MAKERS.containsKey(type.getName())
          ? MAKER
          : MAKERS_OF_A_TEST.contains(type.getName())
              ? MAKER_OF_A_TEST
              : CallSite.isOfApplication(type) ? INITIALIZED : OTHER;
    }
  }

  private static final ClassValue<Kind> KINDS =
      new ClassValue<>() {
        @Override
        protected Kind computeValue(Class<?> type) {
          return Kind.of(type);
        }
      };

  private final String task;
  private final String beginner;
  private final @Nullable CallSite site;

  private FirstUse(String task, String beginner, @Nullable CallSite site) {
    this.task = task;
    this.beginner = beginner;
    this.site = site;
  }

  /** Whether the current thread is in such a use now. */
  static boolean isNow() {
    return beginner() != null;
  }

  /**
   * That of a task which the current thread begins, or null.
   *
   * @param task its name, asked for where there is such a use
   */
  static @Nullable FirstUse of(Supplier<String> task) {
    String beginner = beginner();
    return beginner == null ? null : new FirstUse(task.get(), beginner, CallSite.here());
  }

  private static @Nullable String beginner() {
    return WALKER.walk(FirstUse::find);
  }

  private static @Nullable String find(Stream<StackFrame> stack) {
    var frames = stack.iterator();
    while (frames.hasNext()) {
      StackFrame frame = frames.next();
      Kind kind = KINDS.get(frame.getDeclaringClass());
      if (kind == Kind.MAKER_OF_A_TEST) {
        return null;
      }
      String beginner = kind == Kind.OTHER ? null : beginner(frame);
      if (beginner != null) {
        return beginner;
      }
    }
    return null;
  }

  private static @Nullable String beginner(StackFrame frame) {
    String method = frame.getMethodName();
    if (method.equals("<clinit>")) {
      return "the initializer of " + frame.getClassName();
    }
    Maker maker = MAKERS.get(frame.getClassName());
    return maker != null && maker.methods().contains(method) ? maker.describes() : null;
  }

  @Override
  public Scope bind() {
    return Scope.open(null, toString());
  }

  @Override
  public void finish(@Nullable Throwable failure) {}

  @Override
  public void failureSeen() {}

  @Override
  public String toString() {
    return "%s, begun by %s at %s".formatted(task, beginner, site);
  }
}
