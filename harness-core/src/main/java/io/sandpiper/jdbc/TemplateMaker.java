package io.sandpiper.jdbc;

import io.sandpiper.jdbc.Maintenance.ServerSession;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the template of an application's database, or finds the one that an earlier run made of the
 * same content.
 *
 * <p>The copy is made while nobody is connected, because PostgreSQL copies no other database. Who
 * connects meanwhile is made to wait by the server. The hash is that of the copy, so it is the hash
 * of what clones will have.
 */
final class TemplateMaker {

  private static final Logger LOG = LoggerFactory.getLogger(TemplateMaker.class);

  static final String PREFIX = "sp_t_";

  private static final String IN_USE = "55006";

  private static final String OURS =
      ". Copy it before the first test: call SandboxDataSource.prepareTemplate(), or with Spring set"
          + " sandpiper.database.template=start; or let tests of other isolations end sooner than"
          + " the pool's connectionTimeout";

  private static final String OTHERS =
      ". Close connections that are not of a pool that the harness wraps; an application_name sp:<n>"
          + " is test <n> of another run";

  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
  private static final Duration LONGEST_LEAVE = Duration.ofSeconds(5);

  private final CloneServer server;
  private final Gate gate;
  private final Maintenance guard;
  private final String run;
  private final String unique;
  private final String source;
  private final String oid;

  /**
   * @param run names whoever holds the guard
   * @param unique names this maker among those of the run
   */
  TemplateMaker(CloneServer server, Maintenance guard, String run, String unique)
      throws SQLException {
    this.server = server;
    this.gate = server.room().gate();
    this.guard = guard;
    this.run = run;
    this.unique = unique;
    this.source = server.address().database();
    this.oid = guard.oid(source);
  }

  /** The template, locked by the guard's session so that no other run drops it. */
  Template make(Duration limit) throws SQLException {
    // Room is waited for before the gate is closed: who waits there may have the last of it.
    return server.inReservedRoom(
        () -> {
          Template known = reuse();
          return known != null
              ? known
              : gate.closed(() -> copy(System.nanoTime() + limit.toNanos()));
        });
  }

  private @Nullable Template reuse() throws SQLException {
    if (guard.databases(prefix()).isEmpty()) {
      return null;
    }
    PhysicalConnection reader = server.openSource();
    try {
      String hash = hashOf(reader);
      return hash == null ? null : use(prefix() + hash, true, sequencesOf(reader));
    } finally {
      reader.close();
    }
  }

  private String prefix() {
    return PREFIX + oid + "_";
  }

  private @Nullable Template use(String name, boolean reusable, Sequences sequences)
      throws SQLException {
    if (!guard.tryLockShared(lockOf(name))) {
      return null;
    }
    if (guard.exists(name)) {
      return new Template(name, reusable, sequences, guard.settings(oid));
    }
    guard.unlockShared(lockOf(name));
    return null;
  }

  static String lockOf(String template) {
    return "template " + template;
  }

  private Template copy(long deadline) throws SQLException {
    String making = "making of templates of " + oid;
    until(deadline, () -> guard.tryLock(making), () -> "another run makes a template of it");
    try {
      Template known = reuse();
      if (known != null) {
        return known;
      }
      awaitNobody(deadline);
      return copyNow(deadline);
    } finally {
      guard.unlock(making);
    }
  }

  private String whoIsConnected() throws SQLException {
    List<ServerSession> sessions = guard.sessions(source);
    if (sessions.isEmpty()) {
      return "it was in use until just now; try again";
    }
    Map<Integer, String> known = gate.guests();
    StringBuilder text =
        new StringBuilder("a database that is in use cannot be copied, and connected are: ");
    text.append(
        sessions.stream()
            .map(session -> name(session, known.get(session.pid())))
            .collect(Collectors.joining("; ")));
    if (sessions.stream().anyMatch(session -> known.containsKey(session.pid()))) {
      text.append(OURS);
    }
    if (sessions.stream().anyMatch(session -> !known.containsKey(session.pid()))) {
      text.append(OTHERS);
    }
    return text.toString();
  }

  private static String name(ServerSession session, @Nullable String user) {
    return user == null ? session.description() : "%s (%s)".formatted(user, session.description());
  }

  /** The pool may be about to have one more connection, which nobody sees before it is there. */
  private void create(String draft, long deadline) throws SQLException {
    CountDownLatch created = new CountDownLatch(1);
    Thread evicting = new Thread(() -> evictUntil(created), "sandpiper-template");
    evicting.setDaemon(true);
    evicting.start();
    try {
      while (!created(draft, deadline)) {
        awaitNobody(deadline);
      }
    } finally {
      created.countDown();
    }
  }

  /** False where somebody was connected all the time that the server waits for. */
  private boolean created(String draft, long deadline) throws SQLException {
    try {
      guard.create(draft, source);
      return true;
    } catch (SQLException failed) {
      if (!IN_USE.equals(failed.getSQLState()) || System.nanoTime() > deadline) {
        throw failed;
      }
      return false;
    }
  }

  private void awaitNobody(long deadline) throws SQLException {
    until(deadline, () -> guard.sessions(source).isEmpty(), this::whoIsConnected);
  }

  private void evictUntil(CountDownLatch created) {
    try {
      while (!created.await(LOOK_AGAIN_NANOS, TimeUnit.NANOSECONDS)) {
        gate.evict();
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    } catch (SQLException failed) {
      LOG.debug("An idle connection could not be closed", failed);
    }
  }

  private Template copyNow(long deadline) throws SQLException {
    long start = System.nanoTime();
    // Named like a clone, so that it goes with them if this JVM dies.
    String draft = CloneFactory.PREFIX + run + "_" + unique;
    create(draft, deadline);
    try {
      PhysicalConnection reader = server.openReserved(draft);
      int pid = reader.pid();
      String hash;
      Sequences sequences;
      try {
        hash = hashOf(reader);
        sequences = sequencesOf(reader);
      } finally {
        reader.close();
      }
      guard.awaitGone(List.of(pid), LONGEST_LEAVE);
      String name = prefix() + (hash == null ? run + "x" + unique : hash);
      guard.freeze(draft, name);
      LOG.debug(
          "Template {} of database {} was made in {} ms",
          name,
          source,
          TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
      Template made = use(name, hash != null, sequences);
      if (made == null) {
        throw new SQLException("template %s was dropped by somebody else".formatted(name));
      }
      return made;
    } catch (SQLException | RuntimeException | Error failed) {
      dropDraft(draft, failed);
      throw failed;
    }
  }

  private void dropDraft(String draft, Throwable failed) {
    try {
      guard.drop(draft);
    } catch (SQLException alsoFailed) {
      failed.addSuppressed(alsoFailed);
    }
  }

  private @Nullable String hashOf(PhysicalConnection reader) {
    try {
      String hash = ContentHash.of(reader.connection());
      if (hash == null) {
        LOG.debug("Database {} is too large to be compared; its template is for one run", source);
      }
      return hash;
    } catch (SQLException notReadable) {
      LOG.debug("The template of database {} is for one run", source, notReadable);
      return null;
    }
  }

  private Sequences sequencesOf(PhysicalConnection reader) {
    try {
      return Sequences.of(reader.connection());
    } catch (SQLException notReadable) {
      LOG.debug("Sequences of clones of {} begin where its own are", source, notReadable);
      return Sequences.NONE;
    }
  }

  private void until(long deadline, SqlCall<Boolean> condition, SqlCall<String> state)
      throws SQLException {
    while (!condition.call()) {
      if (System.nanoTime() > deadline) {
        throw new SandboxException(
            "Database %s could not be copied: %s.".formatted(source, state.call()),
            SandboxException.CLONE);
      }
      gate.evict();
      LockSupport.parkNanos(LOOK_AGAIN_NANOS);
    }
  }

  /** Drops templates of this database with other content, and those of databases that are gone. */
  static void dropUnused(Maintenance session, Template used) throws SQLException {
    String own = used.name().substring(0, used.name().lastIndexOf('_') + 1);
    for (String name : session.databases(PREFIX)) {
      String[] parts = name.split("_");
      boolean ours = name.startsWith(own) || (parts.length > 3 && !session.hasOid(parts[2]));
      if (ours && !name.equals(used.name()) && session.tryLock(lockOf(name))) {
        try {
          session.drop(name);
        } finally {
          session.unlock(lockOf(name));
        }
      }
    }
  }
}
