package io.sandpiper.spring;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.junit.TestSandbox;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.Ordered;
import org.springframework.test.context.TestContext;
import org.springframework.test.context.TestExecutionListener;

/**
 * Opens the sandbox of a Spring test before transactions and {@code @Sql} begin, and ends it where
 * no JUnit extension will.
 *
 * <p>A test without {@code @Sandboxed} gets one of isolation NONE: an id, and nothing else changes.
 */
final class SandboxTestExecutionListener implements TestExecutionListener, Ordered {

  private static final String SET_UP = SandboxTestExecutionListener.class.getName() + ".setUp";

  private static final String ENTERED = SandboxTestExecutionListener.class.getName() + ".entered";

  @Override
  public int getOrder() {
    return 0;
  }

  @Override
  public void beforeTestClass(TestContext testContext) {
    // Until a test method begins, the work of this thread is @BeforeAll: set-up.
    testContext.setAttribute(
        SET_UP, Sandbox.openOutside("set-up of " + testContext.getTestClass().getName()));
  }

  @Override
  public void beforeTestMethod(TestContext testContext) {
    if (testContext.hasApplicationContext()) {
      ApplicationContext context = testContext.getApplicationContext();
      context.getBeanProvider(ContextPhase.class).ifAvailable(ContextPhase::running);
    }
    TestSandbox entered =
        TestSandbox.enter(
            Run.ofThisJvm(),
            testContext.getTestInstance(),
            testContext.getTestMethod(),
            SandboxTestExecutionListener.class);
    testContext.setAttribute(ENTERED, entered);
    if (testContext.hasApplicationContext()) {
      entered.sandbox().home(testContext.getApplicationContext());
      if (testContext.getApplicationContext() instanceof ConfigurableApplicationContext context) {
        entered.sandbox().application(new ContextUnderTest(context));
      }
      offerDatabases(testContext.getApplicationContext(), entered.sandbox());
    }
  }

  /** Of this context only: a JVM may have several. */
  private static void offerDatabases(ApplicationContext context, Sandbox sandbox) {
    if (sandbox.isolation() == Isolation.DATABASE) {
      context
          .getBeanProvider(DataSourcePostProcessor.class)
          .ifAvailable(
              dataSources ->
                  dataSources.wrapped().forEach(dataSource -> dataSource.offerTo(sandbox)));
    }
  }

  @Override
  public void afterTestMethod(TestContext testContext) {
    if (testContext.removeAttribute(ENTERED) instanceof TestSandbox entered && !entered.claimed()) {
      entered.end(testContext.getTestException());
    }
  }

  @Override
  public void afterTestClass(TestContext testContext) {
    if (testContext.removeAttribute(SET_UP) instanceof Scope setUp) {
      setUp.close();
    }
  }
}
