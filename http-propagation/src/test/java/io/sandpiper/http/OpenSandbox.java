package io.sandpiper.http;

import io.sandpiper.Isolation;
import io.sandpiper.Journal;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.util.List;
import java.util.concurrent.Callable;

/** A sandbox without JUnit, for tests that need several or its end. */
record OpenSandbox(Sandbox sandbox) implements AutoCloseable {

  static OpenSandbox named(String name) {
    return new OpenSandbox(Run.ofThisJvm().open(Sandbox.Settings.of(name, Isolation.NONE, name)));
  }

  /** Does something as the test would. */
  <T> T call(Callable<T> action) throws Exception {
    try (Scope scope = sandbox.test().bind()) {
      return action.call();
    }
  }

  String id() {
    return sandbox.id().value();
  }

  List<String> journal() {
    return sandbox.journal().entries().stream().map(Journal.Entry::text).toList();
  }

  @Override
  public void close() {
    sandbox.run().end(sandbox, null);
  }
}
