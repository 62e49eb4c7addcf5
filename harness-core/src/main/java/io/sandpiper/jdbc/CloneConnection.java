package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a test's own database, as the application holds it.
 *
 * <p>It is a plain one but for what a pool does at its close, the journal, the work that its
 * transaction keeps open, and the end of the test.
 */
final class CloneConnection extends JdbcHandle {

  private final Clone clone;
  private final CloneDatabase database;
  private final PhysicalConnection physical;
  private final Connection proxy;
  private final Set<Statement> statements = ConcurrentHashMap.newKeySet();
  private final AtomicInteger running = new AtomicInteger();
  private volatile boolean closed;
  private @Nullable Work held;

  CloneConnection(Clone clone, CloneDatabase database, PhysicalConnection physical) {
    this.clone = clone;
    this.database = database;
    this.physical = physical;
    this.proxy =
        (Connection)
            Proxy.newProxyInstance(
                CloneConnection.class.getClassLoader(), new Class<?>[] {Connection.class}, this);
  }

  Connection proxy() {
    return proxy;
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    String name = method.getName();
    switch (name) {
      case "toString":
        return "connection to %s of %s".formatted(database, clone.sandbox());
      case "close":
        close();
        return null;
      case "isClosed":
        return closed || clone.hasEnded() || physical.isClosed();
      case "abort":
        abort();
        return null;
      default:
        break;
    }
    if (closed) {
      throw ConnectionHandle.hasBeenClosed();
    }
    switch (name) {
      case "isValid":
        return !clone.hasEnded() && Boolean.TRUE.equals(onServer(method, args));
      case "unwrap", "isWrapperFor":
        clone.check(name + "()");
        if (name.equals("unwrap")) {
          physical.unwrapped();
        }
        return wrapper(self, method, args, physical.connection());
      case "createStatement":
        return statement(Statement.class, method, args, null);
      case "prepareStatement":
        return statement(PreparedStatement.class, method, args, Reflect.first(String.class, args));
      case "prepareCall":
        return statement(CallableStatement.class, method, args, Reflect.first(String.class, args));
      case "getMetaData":
        DatabaseMetaData metaData = (DatabaseMetaData) onServer(method, args);
        return CloneObject.wrap(this, DatabaseMetaData.class, metaData);
      default:
        physical.changing(name);
        return onServer(method, args);
    }
  }

  private Statement statement(
      Class<? extends Statement> type,
      Method method,
      @Nullable Object @Nullable [] args,
      @Nullable String sql)
      throws SQLException {
    Object made = onServer(method, args);
    if (!(made instanceof Statement statement)) {
      throw new IllegalStateException("No statement was made by " + method);
    }
    return new CloneStatement(this, statement, sql).proxy(type);
  }

  private @Nullable Object onServer(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return execute(
        Request.call(method.getName()), () -> Reflect.call(method, physical.connection(), args));
  }

  /** Does what may reach the server or change its transaction. */
  <T extends @Nullable Object> T execute(Object use, SqlCall<T> call) throws SQLException {
    try {
      return run(use, call);
    } finally {
      followTransaction();
    }
  }

  /** Does what reaches the server at most to fetch. */
  <T extends @Nullable Object> T run(Object use, SqlCall<T> call) throws SQLException {
    if (closed && !clone.hasEnded()) {
      throw ConnectionHandle.hasBeenClosed();
    }
    return read(use, call);
  }

  /** Reads what a statement has brought, which knows itself whether it is closed. */
  <T extends @Nullable Object> T read(Object use, SqlCall<T> call) throws SQLException {
    running.incrementAndGet();
    try {
      clone.check(use);
      return call.call();
    } catch (SQLException failed) {
      if (clone.hasEnded() && !(failed instanceof SandboxException)) {
        SandboxEndedException ended = SandboxEndedException.of(clone.sandbox(), use.toString());
        ended.initCause(failed);
        throw ended;
      }
      throw failed;
    } finally {
      running.decrementAndGet();
    }
  }

  /**
   * Work has not finished while its transaction is open: a container may commit after the handler
   * has returned.
   */
  private synchronized void followTransaction() {
    boolean open = !closed && !clone.hasEnded() && physical.inTransaction();
    Work work = held;
    if (!open && work != null) {
      held = null;
      work.release(null);
    } else if (open && work == null) {
      Work current = Work.current();
      if (current != null && current.sandbox() == clone.sandbox()) {
        current.hold();
        held = current;
      }
    }
  }

  SqlText text(String sql) {
    return clone.text(sql);
  }

  @Override
  void refused(SandboxException refusal) {
    if (!(refusal instanceof SandboxEndedException)) {
      journal("refused: " + refusal.getMessage());
    }
  }

  void journal(Object what) {
    Sandbox sandbox = clone.sandbox();
    sandbox.journal().note(what);
  }

  void opened(Statement statement) {
    statements.add(statement);
  }

  void closed(Statement statement) {
    statements.remove(statement);
  }

  /** Cuts short what is on the server now. */
  void cancel() {
    if (running.get() == 0) {
      return;
    }
    try {
      physical.driver().cancelQuery();
    } catch (SQLException failed) {
      // Then it ends with its connection, when the database is dropped.
      journal("could not cancel a statement: " + failed.getMessage());
    }
  }

  private void close() throws SQLException {
    if (leave()) {
      try {
        if (!clone.hasEnded()) {
          closeStatements();
        }
      } finally {
        giveBack();
      }
    }
  }

  private void giveBack() throws SandboxException {
    boolean copying = physical.isCopying();
    if (copying) {
      // A pool would wait for ever, or let the next user of the connection do that.
      database.discard(physical);
    } else {
      database.giveBack(physical);
    }
    followTransaction();
    if (copying && !clone.hasEnded()) {
      throw new SandboxException(
          ("close() of a connection of %s while a COPY is open on it, which then or later waits for"
                  + " ever on the connection of a pool. This one was closed for good: end or cancel"
                  + " the COPY first.")
              .formatted(clone.sandbox()),
          SandboxException.NOT_SUPPORTED);
    }
  }

  private void closeStatements() throws SQLException {
    for (Statement statement : statements) {
      statement.close();
    }
  }

  private void abort() {
    if (leave()) {
      physical.abort();
      database.discard(physical);
      followTransaction();
    }
  }

  /** Whether it was in use until now. */
  private synchronized boolean leave() {
    boolean left = !closed;
    closed = true;
    clone.closed(this);
    return left;
  }
}
