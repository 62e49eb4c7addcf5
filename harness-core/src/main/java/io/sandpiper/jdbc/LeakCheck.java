package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.RunWatch;
import io.sandpiper.Sandbox;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Finds rows that were committed past the sandboxes of a run, by whatever way.
 *
 * <p>While a sandbox is open nothing but set-up may change a database. So each one is looked at
 * when a sandbox opens, before set-up gets a connection, and at the end of the run.
 */
final class LeakCheck implements RunWatch, AutoCloseable {

  private final Run run;
  private final Map<String, CheckedDatabase> databases = new ConcurrentHashMap<>();
  private final Queue<String> findings = new ConcurrentLinkedQueue<>();

  private LeakCheck(Run run) {
    this.run = run;
  }

  /** The one of a run. */
  static LeakCheck of(Run run) {
    return run.shared(
        LeakCheck.class,
        () -> {
          LeakCheck made = new LeakCheck(run);
          run.addWatch(made);
          return made;
        });
  }

  /** A database that connections lead to, to be looked at through {@code source}. */
  CheckedDatabase database(Destination destination, CheckedDatabase.Source source) {
    CheckedDatabase database =
        databases.computeIfAbsent(
            destination.databaseName(), name -> new CheckedDatabase(name, findings::add));
    database.add(source);
    return database;
  }

  /** A connection for set-up, which tells when it is closed. */
  Connection setUp(CheckedDatabase database, SqlCall<Connection> opening) throws SQLException {
    database.setUpBegins();
    Connection connection;
    try {
      connection = opening.call();
    } catch (SQLException | RuntimeException | Error failed) {
      database.setUpEnds(isolated(run));
      throw failed;
    }
    return (Connection)
        Proxy.newProxyInstance(
            LeakCheck.class.getClassLoader(),
            new Class<?>[] {Connection.class},
            new SetUp(connection, () -> database.setUpEnds(isolated(run))));
  }

  private record SetUp(Connection connection, Runnable ended, AtomicBoolean closed)
      implements InvocationHandler {

    SetUp(Connection connection, Runnable ended) {
      this(connection, ended, new AtomicBoolean());
    }

    @Override
    public @Nullable Object invoke(Object self, Method method, @Nullable Object @Nullable [] args)
        throws SQLException {
      switch (method.getName()) {
        case "equals":
          return args != null && args[0] == self;
        case "hashCode":
          return System.identityHashCode(self);
        case "close", "abort":
          try {
            return Reflect.call(method, connection, args);
          } finally {
            if (closed.compareAndSet(false, true)) {
              ended.run();
            }
          }
        default:
          return Reflect.call(method, connection, args);
      }
    }
  }

  private static List<String> isolated(Run run) {
    return run.openSandboxes().stream()
        .filter(sandbox -> sandbox.isolation() != Isolation.NONE)
        .map(Sandbox::testName)
        .toList();
  }

  @Override
  public void opened(Sandbox sandbox) {
    if (sandbox.isolation() != Isolation.NONE) {
      databases.values().forEach(database -> database.sandboxOpened(sandbox.testName()));
    }
  }

  @Override
  public List<String> findings() {
    databases.values().forEach(CheckedDatabase::look);
    List<String> found = new ArrayList<>();
    for (String next = findings.poll(); next != null; next = findings.poll()) {
      found.add(next);
    }
    return found;
  }

  /** Looks a last time through a source that closes. */
  void remove(CheckedDatabase.Source source) {
    databases.values().forEach(database -> database.remove(source));
    databases.values().removeIf(CheckedDatabase::isUnknown);
  }

  @Override
  public void close() {
    databases.clear();
  }
}
