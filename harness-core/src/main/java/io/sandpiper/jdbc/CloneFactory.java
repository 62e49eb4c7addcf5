package io.sandpiper.jdbc;

import io.sandpiper.jdbc.Maintenance.DatabaseSetting;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes clones of one application's database and drops them.
 *
 * <p>A guard session holds the locks by which other runs know that this one lives: one for its
 * clones, one for its template. Clones whose lock is free are those of a dead run.
 */
final class CloneFactory {

  /** A statement for each table that reads nothing, as one text. */
  private static final String LOOKS =
      "SELECT string_agg(format('SELECT FROM %s LIMIT 0', t.oid::regclass), ';') FROM (SELECT oid"
          + " FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace NOT IN"
          + " ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
          + " AND has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT')"
          + " ORDER BY oid LIMIT 200) t";

  private static final Logger LOG = LoggerFactory.getLogger(CloneFactory.class);

  /** What the names of clones begin with. */
  static final String PREFIX = "sp_c_";

  /** What the names of failed tests' databases begin with, which nothing of ours drops. */
  static final String KEPT_PREFIX = "sp_k_";

  private static final Duration LONGEST_LEAVE = Duration.ofSeconds(1);

  private final CloneServer server;
  private final String token;
  private final boolean sequencesApart;
  private final AtomicLong number = new AtomicLong();
  private final LongSupplier setUps;
  private final ReentrantLock starting = new ReentrantLock();
  private @Nullable Maintenance guard;
  private volatile @Nullable Template template;
  // What set-up had done before the template was made.
  private volatile long known;

  /**
   * @param token names this user of the server and no other; letters and digits
   * @param sequencesApart whether each clone's sequences go on in a range of its own
   * @param setUps how often set-up may have changed the application's database until now
   */
  CloneFactory(CloneServer server, String token, boolean sequencesApart, LongSupplier setUps) {
    this.server = server;
    this.token = token;
    this.sequencesApart = sequencesApart;
    this.setUps = setUps;
  }

  /**
   * The template; made by the first caller, and again where set-up has changed the application's
   * database since.
   *
   * @param limit how long the pool's users are given to return their connections
   */
  Template template(Duration limit) throws SQLException {
    Template made = template;
    if (made != null && !isOutdated()) {
      return made;
    }
    starting.lock();
    try {
      made = template;
      if (made == null || isOutdated()) {
        made = renew(made, limit);
      }
      return made;
    } finally {
      starting.unlock();
    }
  }

  private boolean isOutdated() {
    return known != setUps.getAsLong();
  }

  private Template renew(@Nullable Template old, Duration limit) throws SQLException {
    // Before the look: what comes during it counts for the next one.
    long now = setUps.getAsLong();
    try {
      Template found = old == null ? start(limit) : maker().make(limit);
      if (old != null) {
        guard().unlockShared(TemplateMaker.lockOf(old.name()));
        TemplateMaker.dropUnused(guard(), found);
      }
      template = found;
      known = now;
      return found;
    } catch (SQLException failed) {
      if (old == null) {
        closeGuard();
      }
      throw CloneTrouble.explain(
          "make a template of database " + server.address().database(), failed);
    }
  }

  /** Looks whether the template is out of date, where set-up may have changed something. */
  void renew() throws SQLException {
    if (template != null) {
      template(server.patience());
    }
  }

  boolean started() {
    return template != null;
  }

  /** Whether a database has what the application's has now, as far as set-up changes it. */
  boolean isCurrent(CloneDatabase database) {
    Template now = template;
    return now == null || now.name().equals(database.template());
  }

  private Template start(Duration limit) throws SQLException {
    String source = server.address().database();
    if (source.equals(Maintenance.DATABASE)) {
      throw new SandboxException(
          ("Isolation DATABASE cannot clone the database \"%s\": the harness itself is connected to"
                  + " it while it makes others. Give the application a database of its own.")
              .formatted(source),
          SandboxException.CLONE);
    }
    if (!guard().mayCreate()) {
      throw new SandboxException(
          ("Isolation DATABASE needs a role that may create databases, and the one of database"
                  + " \"%s\" may not. Run ALTER ROLE … CREATEDB as a superuser, and make it the"
                  + " database's owner.")
              .formatted(source),
          SandboxException.CLONE);
    }
    return maker().make(limit);
  }

  private TemplateMaker maker() throws SQLException {
    return new TemplateMaker(server, guard(), token, "template" + number.incrementAndGet());
  }

  private Maintenance guard() throws SQLException {
    Maintenance session = guard;
    if (session == null) {
      session = server.openMaintenance();
      guard = session;
      session.tryLock(lockOf(token));
    }
    return session;
  }

  private void closeGuard() throws SQLException {
    Maintenance session = guard;
    guard = null;
    if (session != null) {
      server.close(session);
    }
  }

  private static String lockOf(String token) {
    return "clones of " + token;
  }

  /** Makes a database for a test, with one connection open. */
  CloneDatabase create() throws SQLException {
    Template from = template(server.patience());
    String name = PREFIX + token + "_" + number.incrementAndGet();
    try {
      server.maintain(
          session -> {
            create(session, name, from);
            return null;
          });
      return opened(name, from);
    } catch (SQLException failed) {
      throw CloneTrouble.explain("make database %s for a test".formatted(name), failed);
    }
  }

  private void create(Maintenance session, String name, Template from) throws SQLException {
    session.create(name, from.name());
    try {
      for (DatabaseSetting setting : from.settings()) {
        set(session, name, setting);
      }
    } catch (RuntimeException | Error failed) {
      drop(session, name, failed);
      throw failed;
    }
  }

  /** Whoever waits for room here holds none himself. */
  private CloneDatabase opened(String name, Template from) throws SQLException {
    try {
      PhysicalConnection first = server.open(name);
      if (sequencesApart) {
        moveSequences(first, from);
      }
      warmUp(first);
      return new CloneDatabase(name, from.name(), server, first);
    } catch (SQLException | RuntimeException | Error failed) {
      try {
        server.maintain(
            session -> {
              drop(session, name, failed);
              return null;
            });
      } catch (SQLException alsoFailed) {
        failed.addSuppressed(alsoFailed);
      }
      throw failed;
    }
  }

  /** The server learns of the tables now, and not at the test's first statements. */
  private static void warmUp(PhysicalConnection clone) {
    try (Statement statement = clone.connection().createStatement()) {
      String looks;
      try (ResultSet row = statement.executeQuery(LOOKS)) {
        row.next();
        looks = row.getString(1);
      }
      if (looks != null) {
        statement.execute(looks);
      }
    } catch (SQLException failed) {
      LOG.debug("The connection to a database for a test was not warmed up", failed);
    }
  }

  private void moveSequences(PhysicalConnection clone, Template from) {
    try {
      from.sequences().move(clone.connection(), server.room().servers().nextClone());
    } catch (SQLException notAllowed) {
      LOG.warn(
          "Sequences of databases for tests begin where the application's are, so that ids which"
              + " are kept in memory may come twice: {}",
          notAllowed.getMessage());
    }
  }

  private static void set(Maintenance session, String name, DatabaseSetting setting) {
    try {
      session.set(name, setting);
    } catch (SQLException notAllowed) {
      LOG.warn(
          "Databases for tests lack the setting {} of the application's database: {}",
          setting.name(),
          notAllowed.getMessage());
    }
  }

  private static void drop(Maintenance session, String name, Throwable failed) {
    try {
      session.drop(name);
    } catch (SQLException alsoFailed) {
      failed.addSuppressed(alsoFailed);
    }
  }

  /** Drops a test's database. */
  void drop(CloneDatabase database) throws SQLException {
    List<Integer> pids = database.closeAll();
    server.maintain(
        session -> {
          // DROP DATABASE waits for them in steps of 100 ms.
          session.awaitGone(pids, LONGEST_LEAVE);
          session.drop(database.name());
          return null;
        });
  }

  /** Puts a test's database aside, so that it is still there after the run; its new name. */
  String keep(CloneDatabase database) throws SQLException {
    List<Integer> pids = database.closeAll();
    String name = KEPT_PREFIX + database.name().substring(PREFIX.length());
    server.maintain(
        session -> {
          session.awaitGone(pids, LONGEST_LEAVE);
          session.rename(database.name(), name);
          return null;
        });
    return name;
  }

  /** The line that opens a database by hand. */
  String psql(String name) {
    return server.address().psql(name);
  }

  /** Drops what dead runs left behind. */
  void dropStale() throws SQLException {
    Template used = template;
    server.maintain(
        session -> {
          for (String dead : tokens(session)) {
            if (session.tryLock(lockOf(dead))) {
              dropAll(session, dead);
            }
          }
          if (used != null) {
            TemplateMaker.dropUnused(session, used);
          }
          return null;
        });
  }

  private Set<String> tokens(Maintenance session) throws SQLException {
    Set<String> tokens = new TreeSet<>();
    for (String name : session.databases(PREFIX)) {
      String rest = name.substring(PREFIX.length());
      int end = rest.indexOf('_');
      if (end > 0 && !rest.substring(0, end).equals(token)) {
        tokens.add(rest.substring(0, end));
      }
    }
    return tokens;
  }

  private static void dropAll(Maintenance session, String dead) throws SQLException {
    try {
      for (String name : session.databases(PREFIX + dead + "_")) {
        LOG.info("Dropping database {}, left behind by a run that is gone", name);
        session.drop(name);
      }
    } finally {
      session.unlock(lockOf(dead));
    }
  }

  /** Drops the template where no later run can use it, and lets go of the server. */
  void close() throws SQLException {
    starting.lock();
    try {
      Template used = template;
      Maintenance session = guard;
      template = null;
      try {
        if (used != null && !used.reusable() && session != null) {
          session.drop(used.name());
        }
      } finally {
        closeGuard();
        server.closeIdle();
      }
    } finally {
      starting.unlock();
    }
  }
}
