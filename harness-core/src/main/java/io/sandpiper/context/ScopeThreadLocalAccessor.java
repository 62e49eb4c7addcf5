package io.sandpiper.context;

import io.micrometer.context.ThreadLocalAccessor;
import org.jspecify.annotations.Nullable;

/**
 * Carries the scope through everything that uses Micrometer's context propagation; found by
 * ServiceLoader.
 *
 * <p>Each value that is set opens a scope and each restore closes it, so that the strictness of
 * scopes holds here too. The ledger is not told: a snapshot may be used for any number of tasks.
 */
public final class ScopeThreadLocalAccessor implements ThreadLocalAccessor<UnitOfWork> {

  private static final String KEY = "sandpiper.scope";
  private static final String OPENER = "Micrometer context propagation";

  /** For ServiceLoader. */
  public ScopeThreadLocalAccessor() {}

  @Override
  public Object key() {
    return KEY;
  }

  @Override
  public @Nullable UnitOfWork getValue() {
    return Scope.currentWork();
  }

  @Override
  @SuppressWarnings("MustBeClosedChecker")
  public void setValue(UnitOfWork work) {
    Scope.open(work, OPENER);
  }

  @Override
  public void setValue() {
    Scope.open(null, OPENER);
  }

  @Override
  public void restore(UnitOfWork previous) {
    restore();
  }

  @Override
  public void restore() {
    Scope scope = Scope.innermost(OPENER);
    if (scope != null) {
      scope.close();
    }
  }
}
