package io.sandpiper.jdbc.frameworks;

import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Lets the two runs of a test begin together, and only so many tests at a time.
 *
 * <p>The server has connections for some hundred sandboxes, and each context keeps its own.
 */
final class PairExtension implements BeforeEachCallback, AfterEachCallback, ParameterResolver {

  private static final Namespace NAMESPACE = Namespace.create(PairExtension.class);
  private static final int PAIRS_AT_ONCE = 10;

  /** The store of the test method, of which each run has a child. */
  private static Pair pair(ExtensionContext run) {
    Semaphore room =
        run.getRoot()
            .getStore(NAMESPACE)
            .computeIfAbsent(
                Semaphore.class, type -> new Semaphore(PAIRS_AT_ONCE), Semaphore.class);
    return run.getParent()
        .orElseThrow()
        .getStore(NAMESPACE)
        .computeIfAbsent(Pair.class, type -> new Pair(room), Pair.class);
  }

  @Override
  public void beforeEach(ExtensionContext run) throws InterruptedException {
    pair(run).begin();
  }

  @Override
  public void afterEach(ExtensionContext run) {
    pair(run).leave();
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext run) {
    return parameter.getParameter().getType() == Pair.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext run) {
    return pair(run);
  }
}
