package io.sandpiper.junit;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * The sandbox of one invocation of a test method, and its binding to JUnit's thread.
 *
 * <p>Both JUnit's extension and Spring's test listener enter it; whichever comes first opens it.
 * Used by one thread.
 */
public final class TestSandbox {

  private final Object instance;
  private final Method method;
  private final Sandbox sandbox;
  private final Scope scope;
  private final Set<Class<?>> entrants = new HashSet<>();
  private boolean claimed;

  private TestSandbox(Run run, Object instance, Method method) {
    this.instance = instance;
    this.method = method;
    this.sandbox = run.open(settings());
    this.scope = sandbox.test().bind();
  }

  /**
   * The sandbox of this invocation: the one that is bound to this thread already, or a new one,
   * bound now.
   *
   * @param entrant who asks. Each enters an invocation once: if it asks again, it is for another
   *     invocation of the method, begun on the thread of the first
   */
  public static TestSandbox enter(Run run, Object instance, Method method, Class<?> entrant) {
    TestSandbox entered = current();
    if (entered == null
        || entered.instance != instance
        || !entered.method.equals(method)
        || entered.entrants.contains(entrant)) {
      entered = new TestSandbox(run, instance, method);
    }
    entered.entrants.add(entrant);
    return entered;
  }

  /** The sandbox that this thread's test has entered, or null. */
  static @Nullable TestSandbox current() {
    Work work = Work.current();
    return work != null
            && work == work.sandbox().test()
            && work.sandbox().owner() instanceof TestSandbox entered
        ? entered
        : null;
  }

  private Sandbox.Settings settings() {
    Class<?> testClass = instance.getClass();
    String name = name(testClass) + "." + method.getName();
    return annotation(testClass)
        .map(
            found ->
                Sandbox.Settings.of(name, found.isolation(), this)
                    .withBackgroundErrors(found.backgroundErrors())
                    .withBackground(found.background()))
        // Nobody asked for a sandbox: it must change nothing about the test, nor make it wait.
        .orElseGet(
            () ->
                Sandbox.Settings.of(name, Isolation.NONE, this)
                    .withBackgroundErrors(BackgroundErrors.REPORT)
                    .withDrain(Duration.ZERO));
  }

  private Optional<Sandboxed> annotation(Class<?> testClass) {
    Optional<Sandboxed> found = AnnotationSupport.findAnnotation(method, Sandboxed.class);
    for (Class<?> type = testClass; found.isEmpty() && type != null; ) {
      found = AnnotationSupport.findAnnotation(type, Sandboxed.class);
      // As for JUnit: only @Nested classes, which are inner ones, inherit from what is around them.
      type = Modifier.isStatic(type.getModifiers()) ? null : type.getEnclosingClass();
    }
    return found;
  }

  private static String name(Class<?> testClass) {
    Class<?> outer = testClass.getEnclosingClass();
    return (outer == null ? "" : name(outer) + ".") + testClass.getSimpleName();
  }

  /** The sandbox itself. */
  public Sandbox sandbox() {
    return sandbox;
  }

  /** Says that the caller will end it, so that nobody else does. */
  void claim() {
    claimed = true;
  }

  /** Whether somebody will end it. */
  public boolean claimed() {
    return claimed;
  }

  /**
   * Ends the sandbox and unbinds the thread.
   *
   * @param failure why the test failed, or null
   * @throws AssertionError see {@link Run#end}, or where the test left a scope open
   */
  public void end(@Nullable Throwable failure) {
    try (scope) {
      sandbox.run().end(sandbox, failure);
    } catch (IllegalStateException leaked) {
      throw new AssertionError(leaked.getMessage(), leaked);
    }
  }
}
