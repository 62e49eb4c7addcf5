package io.sandpiper.junit;

import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.agent.CallWatching;
import io.sandpiper.context.Scope;
import java.lang.reflect.Method;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.DynamicTestInvocationContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/**
 * Gives each test method a sandbox, bound to whatever thread runs the method, and ends it when
 * everything else that follows the method is done.
 *
 * <p>Registered by {@link io.sandpiper.Sandboxed}. The sandbox ends where JUnit closes the method's
 * Store, which comes after every {@code afterEach} of whatever extension.
 */
public final class SandboxExtension
    implements BeforeEachCallback, InvocationInterceptor, ParameterResolver {

  private static final Namespace NAMESPACE = Namespace.create(SandboxExtension.class);

  /** For JUnit. */
  public SandboxExtension() {}

  @Override
  public void beforeEach(ExtensionContext context) {
    // The root's Store closes when all tests have ended; an error thrown there fails the run.
    context
        .getRoot()
        .getStore(NAMESPACE)
        .computeIfAbsent(EndOfRun.class, type -> new EndOfRun(Run.ofThisJvm()), EndOfRun.class);
    CallWatching.register(Run.ofThisJvm());
    TestSandbox entered =
        TestSandbox.enter(
            Run.ofThisJvm(),
            context.getRequiredTestInstance(),
            context.getRequiredTestMethod(),
            SandboxExtension.class);
    entered.claim();
    context
        .getStore(NAMESPACE)
        .put(
            TestSandbox.class,
            new Entered(entered, () -> context.getExecutionException().orElse(null)));
  }

  /** What the Store closes. */
  private record Entered(TestSandbox test, Supplier<@Nullable Throwable> failure)
      implements AutoCloseable {

    @Override
    public void close() {
      test.end(failure.get());
    }
  }

  /** What the root's Store closes. */
  private record EndOfRun(Run run) implements AutoCloseable {

    @Override
    public void close() {
      run.verify();
    }
  }

  private static @Nullable Sandbox sandbox(ExtensionContext context) {
    Entered entered = context.getStore(NAMESPACE).get(TestSandbox.class, Entered.class);
    return entered == null ? null : entered.test().sandbox();
  }

  private static <T extends @Nullable Object> T inside(
      Invocation<T> invocation, ExtensionContext context) throws Throwable {
    Sandbox sandbox = sandbox(context);
    Work bound = Work.current();
    if (sandbox == null || (bound != null && bound.sandbox() == sandbox)) {
      return invocation.proceed();
    }
    try (Scope scope = sandbox.test().bind()) {
      return invocation.proceed();
    }
  }

  @Override
  public void interceptBeforeEachMethod(
      Invocation<@Nullable Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    inside(invocation, context);
  }

  @Override
  public void interceptTestMethod(
      Invocation<@Nullable Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    inside(invocation, context);
  }

  @Override
  public <T extends @Nullable Object> T interceptTestFactoryMethod(
      Invocation<T> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    return inside(invocation, context);
  }

  @Override
  public void interceptTestTemplateMethod(
      Invocation<@Nullable Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    inside(invocation, context);
  }

  @Override
  public void interceptDynamicTest(
      Invocation<@Nullable Void> invocation,
      DynamicTestInvocationContext dynamicTest,
      ExtensionContext context)
      throws Throwable {
    inside(invocation, context);
  }

  @Override
  public void interceptAfterEachMethod(
      Invocation<@Nullable Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    inside(invocation, context);
  }

  @Override
  public void interceptBeforeAllMethod(
      Invocation<@Nullable Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    outside(invocation);
  }

  @Override
  public void interceptAfterAllMethod(
      Invocation<@Nullable Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    outside(invocation);
  }

  private static void outside(Invocation<@Nullable Void> invocation) throws Throwable {
    try (Scope scope = Sandbox.openOutside("@BeforeAll or @AfterAll")) {
      invocation.proceed();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Sandbox.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    Sandbox sandbox = sandbox(context);
    if (sandbox == null) {
      throw new ParameterResolutionException(
          ("There is no sandbox yet for parameter '%s' of %s. Take it as a parameter of a test"
                  + " method or of @BeforeEach and @AfterEach.")
              .formatted(
                  parameter.getParameter().getName(),
                  parameter.getDeclaringExecutable().getName()));
    }
    return sandbox;
  }
}
