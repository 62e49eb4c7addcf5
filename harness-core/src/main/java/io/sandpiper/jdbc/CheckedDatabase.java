package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One database as the leak check knows it: how it was when it was looked at last, and who may have
 * changed it since.
 *
 * <p>Safe for use by several threads.
 */
final class CheckedDatabase {

  private static final Logger LOG = LoggerFactory.getLogger(LeakCheck.class);

  private static final int MOST_TESTS = 10;

  private final String name;
  private final Consumer<String> findings;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by the lock.
  private final List<Source> sources = new ArrayList<>();
  private final List<String> tests = new ArrayList<>();
  private @Nullable DatabaseContents contents;
  private boolean valid;
  private int settingUp;

  /** Where the check gets its own connections from. */
  interface Source {

    /** Whether everybody who uses it sets up now, as while an application starts. */
    boolean settingUp();

    void ask(Question question) throws SQLException;
  }

  /** What the check asks of a connection. */
  interface Question {
    void of(Connection connection) throws SQLException;
  }

  CheckedDatabase(String name, Consumer<String> findings) {
    this.name = name;
    this.findings = findings;
  }

  void add(Source source) {
    locked(
        () -> {
          if (!sources.contains(source)) {
            sources.add(source);
          }
        });
  }

  void remove(Source source) {
    locked(
        () -> {
          if (sources.contains(source)) {
            lookAt(source);
            sources.remove(source);
          }
        });
  }

  boolean isUnknown() {
    lock.lock();
    try {
      return sources.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** What it holds now is as it should be, where nothing was known of it yet. */
  void sandboxOpened(String test) {
    locked(
        () -> {
          if (!valid) {
            remember();
          }
          tests.add(test);
        });
  }

  /** Whoever sets up changes what it holds: what has changed before is a leak. */
  void setUpBegins() {
    locked(
        () -> {
          if (settingUp++ == 0) {
            lookNow();
            valid = false;
          }
        });
  }

  /** While no sandbox is open nobody can leak; the next one that opens looks. */
  void setUpEnds(List<String> openTests) {
    locked(
        () -> {
          if (--settingUp == 0 && !openTests.isEmpty()) {
            remember();
            tests.addAll(openTests);
          }
        });
  }

  /** Compares with what it was, and takes what it is for the next time. */
  void look() {
    locked(
        () -> {
          if (settingUp > 0) {
            LOG.warn(
                "The leak check says nothing of {}: {} connections for set-up are still open.",
                name,
                settingUp);
          }
          lookNow();
        });
  }

  private void lookNow() {
    if (!sources.isEmpty()) {
      lookAt(sources.get(0));
    }
  }

  private void lookAt(Source source) {
    if (valid) {
      ask(source, this::look);
    }
  }

  private void look(Connection connection) throws SQLException {
    DatabaseContents before = contents;
    if (before == null) {
      return;
    }
    DatabaseContents same = before.unchanged(connection);
    if (same != null) {
      contents = same;
      return;
    }
    DatabaseContents now = DatabaseContents.take(connection);
    List<String> changes = before.changes(now, connection);
    contents = now;
    if (!changes.isEmpty()) {
      String text = describe(changes);
      LOG.warn(text);
      findings.accept(text);
    }
  }

  private void remember() {
    if (settingUp > 0 || sources.isEmpty() || sources.stream().anyMatch(Source::settingUp)) {
      return;
    }
    tests.clear();
    ask(
        sources.get(0),
        connection -> {
          DatabaseContents before = contents;
          DatabaseContents same = before == null ? null : before.unchanged(connection);
          contents = same == null ? DatabaseContents.take(connection) : same;
          valid = true;
        });
  }

  private void ask(Source source, Question question) {
    try {
      source.ask(question);
    } catch (SQLException | RuntimeException failed) {
      contents = null;
      valid = false;
      LOG.warn("The leak check could not look at {}: {}", name, failed.toString());
    }
  }

  private String describe(List<String> changes) {
    String ran =
        tests.size() <= MOST_TESTS
            ? String.join(", ", tests)
            : "%s and %d others"
                .formatted(
                    String.join(", ", tests.subList(0, MOST_TESTS)), tests.size() - MOST_TESTS);
    return ("Rows have outlived the sandboxes: database %s has changed past them.%n  %s%nTests that"
            + " may have done it: %s.%nSomebody committed on a connection that the harness does not"
            + " know: DriverManager or a DataSource that is no bean, dblink, another process. Let"
            + " it use the application's DataSource bean; set up through that bean in @BeforeAll or"
            + " Sandbox.outside(…); or give the test isolation DATABASE."
            + " sandpiper.leak-check=false switches the check off.")
        .formatted(name, String.join("%n  ".formatted(), changes), ran);
  }

  private void locked(Runnable action) {
    lock.lock();
    try {
      action.run();
    } finally {
      lock.unlock();
    }
  }
}
