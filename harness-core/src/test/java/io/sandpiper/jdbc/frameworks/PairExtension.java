package io.sandpiper.jdbc.frameworks;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Lets the two runs of a test begin together. */
final class PairExtension implements BeforeEachCallback, AfterEachCallback, ParameterResolver {

  private static final Namespace NAMESPACE = Namespace.create(PairExtension.class);

  /** The store of the test method, of which each run has a child. */
  private static Pair pair(ExtensionContext run) {
    return run.getParent()
        .orElseThrow()
        .getStore(NAMESPACE)
        .computeIfAbsent(Pair.class, type -> new Pair(), Pair.class);
  }

  @Override
  public void beforeEach(ExtensionContext run) throws InterruptedException {
    pair(run).meet();
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
