package io.sandpiper.jdbc;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Sees to it that databases for tests go with the run, where nobody closes their DataSource. */
final class OpenClones implements AutoCloseable {

  private final Set<Clones> all = ConcurrentHashMap.newKeySet();

  void add(Clones clones) {
    all.add(clones);
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  @Override
  public void close() {
    all.forEach(Clones::close);
  }
}
