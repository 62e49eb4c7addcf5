package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The databases that are ready for tests: some made ahead, more made while tests wait for them, in
 * the order of their coming.
 *
 * <p>Nothing is made before the first test asks. What ended tests leave is dropped in the
 * background.
 */
final class Clones implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Clones.class);

  private static final int THREADS = 4;
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

  /** At the start of an application nobody has asked for a template yet. */
  private static final Duration SHORT_QUIET = Duration.ofSeconds(2);

  private static final Duration LONGEST_CLOSE = Duration.ofSeconds(20);

  private final CloneFactory factory;
  private final int ahead;
  private final ThreadPoolExecutor makers;
  private final ThreadPoolExecutor droppers;
  private final Queue<CloneDatabase> ready = new ConcurrentLinkedQueue<>();
  private final Queue<CloneDatabase> undropped = new ConcurrentLinkedQueue<>();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // Guarded by the lock.
  private final Deque<Waiter> waiting = new ArrayDeque<>();
  private int making;
  private int inUse;
  private int dropping;
  private int dropped;
  private boolean failing;
  private boolean closed;
  private boolean emptied;
  private boolean left;

  private final AtomicBoolean lookForStale = new AtomicBoolean(true);

  /** A test that waits, and what it is given. */
  private static final class Waiter {
    private @Nullable CloneDatabase database;
    private @Nullable SQLException failure;
  }

  /** Somebody may connect just while it is dropped, or have the last room for a connection. */
  private static final int DROP_ATTEMPTS = 3;

  /** A test that has just taken one is not to share its processor with who makes the next. */
  private static final long REFILL_MILLIS = 5;

  /**
   * @param ahead how many are made ahead
   */
  Clones(CloneFactory factory, int ahead) {
    this.factory = factory;
    this.ahead = ahead;
    this.makers = workers();
    // Apart from those who make some: what these wait for may be what is to be dropped.
    this.droppers = workers();
  }

  private static ThreadPoolExecutor workers() {
    ThreadPoolExecutor workers =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "sandpiper-databases");
              thread.setDaemon(true);
              return thread;
            });
    workers.allowCoreThreadTimeOut(true);
    return workers;
  }

  /** Makes the template now, so that the first test need not wait until nobody is connected. */
  void prepareTemplate() throws SQLException {
    factory.template(SHORT_QUIET);
  }

  /** Takes a database for a test; waits in turn where none is ready. */
  CloneDatabase take(Sandbox sandbox) throws SQLException {
    try {
      factory.renew();
    } catch (SQLException failed) {
      throw none(sandbox, failed);
    }
    CloneDatabase prepared = prepared();
    if (prepared == null) {
      prepared = await(sandbox);
    }
    lock.lock();
    try {
      inUse++;
      makeMore(CompletableFuture.delayedExecutor(REFILL_MILLIS, TimeUnit.MILLISECONDS, makers));
    } finally {
      lock.unlock();
    }
    return prepared;
  }

  private @Nullable CloneDatabase prepared() {
    for (CloneDatabase first = ready.poll(); first != null; first = ready.poll()) {
      if (factory.isCurrent(first)) {
        return first;
      }
      dropUnused(first);
    }
    return null;
  }

  private void dropUnused(CloneDatabase database) {
    lock.lock();
    try {
      inUse++;
    } finally {
      lock.unlock();
    }
    drop(database);
  }

  private static SandboxException none(Sandbox sandbox, @Nullable SQLException failure) {
    return new SandboxException(
        "%s has no database: %s"
            .formatted(sandbox.testName(), failure == null ? "" : failure.getMessage()),
        SandboxException.CLONE,
        failure);
  }

  private CloneDatabase await(Sandbox sandbox) throws SQLException {
    Waiter waiter = new Waiter();
    lock.lock();
    try {
      begin();
      waiting.addLast(waiter);
      makeMore();
      awaitGift(sandbox, waiter);
    } finally {
      waiting.remove(waiter);
      lock.unlock();
    }
    CloneDatabase database = waiter.database;
    if (database != null) {
      return database;
    }
    throw none(sandbox, waiter.failure);
  }

  private void awaitGift(Sandbox sandbox, Waiter waiter) {
    long nanos = LONGEST_WAIT.toNanos();
    try {
      while (waiter.database == null && waiter.failure == null) {
        if (nanos <= 0) {
          waiter.failure = tooLong();
          return;
        }
        nanos = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      if (waiter.database == null) {
        waiter.failure =
            new SandboxException(
                "interrupted while %s waited for it".formatted(sandbox.testName()),
                SandboxException.WAIT,
                interrupted);
      }
    }
  }

  private SandboxException tooLong() {
    return new SandboxException(
        ("after %d s %d tests wait for theirs and %d are being made. Run fewer tests of isolation"
                + " DATABASE at once, or look at the server's load.")
            .formatted(LONGEST_WAIT.toSeconds(), waiting.size(), making),
        SandboxException.WAIT);
  }

  private void begin() throws SandboxException {
    if (closed) {
      throw new SandboxException(
          "The DataSource is closed, and no database is made for tests any more.",
          SandboxException.CLONE);
    }
  }

  private void makeMore() {
    makeMore(makers);
  }

  private void makeMore(Executor executor) {
    // A server in trouble is not asked for what nobody waits for.
    int unused = failing ? 0 : Math.max(0, ahead - ready.size());
    int wanted = waiting.size() + unused - making;
    if (!factory.started()) {
      // One is enough to find out whether a template can be made.
      wanted = Math.min(wanted, 1 - making);
    }
    for (int i = 0; i < wanted && !closed; i++) {
      making++;
      executor.execute(this::make);
    }
  }

  private void make() {
    if (!factory.started() && nobodyWaits()) {
      // The template has failed, and the pool is not to be troubled for what nobody asked for.
      locked(() -> making--);
      return;
    }
    int droppedBefore = dropped();
    try {
      CloneDatabase database = factory.create();
      locked(() -> made(database));
    } catch (SQLException failed) {
      locked(() -> failed(failed, droppedBefore));
    } catch (RuntimeException | Error failed) {
      SQLException failure = new SQLException("%s while it was made".formatted(failed), failed);
      locked(() -> failed(failure, droppedBefore));
    }
    dropStale();
  }

  private boolean nobodyWaits() {
    lock.lock();
    try {
      return waiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  private int dropped() {
    lock.lock();
    try {
      return dropped;
    } finally {
      lock.unlock();
    }
  }

  private void locked(Runnable change) {
    lock.lock();
    try {
      change.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void made(CloneDatabase database) {
    making--;
    failing = false;
    giveOrKeep(database);
    makeMore();
  }

  private void failed(SQLException failure, int droppedBefore) {
    making--;
    failing = true;
    LOG.debug("No database was made", failure);
    if (!CloneTrouble.isDiskFull(failure)) {
      refuse(failure);
    } else if (dropped != droppedBefore) {
      // There is more room than it has found.
      makeMore();
    } else if (dropping == 0) {
      refuse(failure);
    }
  }

  private void giveOrKeep(CloneDatabase database) {
    if (!factory.isCurrent(database)) {
      dropUnused(database);
      return;
    }
    Waiter first = waiting.pollFirst();
    if (first == null) {
      ready.add(database);
    } else {
      first.database = database;
    }
  }

  /** One test, or all while there is not even a template. */
  private void refuse(SQLException failure) {
    do {
      Waiter first = waiting.pollFirst();
      if (first == null) {
        return;
      }
      first.failure = failure;
    } while (!factory.started());
  }

  private void dropStale() {
    if (!factory.started() || !lookForStale.getAndSet(false)) {
      return;
    }
    try {
      factory.dropStale();
    } catch (SQLException failed) {
      LOG.debug("Databases of dead runs could not be dropped", failed);
    }
  }

  /** Takes back a database that nobody has used. */
  void putBack(CloneDatabase database) {
    lock.lock();
    try {
      inUse--;
      giveOrKeep(database);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Drops the database of a test, in the background. */
  void drop(CloneDatabase database) {
    lock.lock();
    try {
      dropping++;
    } finally {
      lock.unlock();
    }
    droppers.execute(
        () -> {
          try {
            dropNow(database);
          } finally {
            locked(this::hasDropped);
            returned();
          }
        });
  }

  private void hasDropped() {
    dropping--;
    dropped++;
    if (!waiting.isEmpty()) {
      makeMore();
    }
  }

  private void dropNow(CloneDatabase database) {
    for (int attempt = 1; attempt <= DROP_ATTEMPTS; attempt++) {
      try {
        factory.drop(database);
        return;
      } catch (SQLException failed) {
        LOG.info("{} was not dropped at attempt {}: {}", database, attempt, failed.getMessage());
      }
    }
    undropped.add(database);
  }

  private void dropAtLast(CloneDatabase database) {
    try {
      factory.drop(database);
    } catch (SQLException failed) {
      LOG.warn(
          "{} stays on the server until the next run with isolation DATABASE finds it: {}",
          database,
          failed.getMessage());
    }
  }

  /**
   * Puts the database of a test aside; nobody drops it.
   *
   * @return the line that opens it
   */
  String keep(CloneDatabase database) throws SQLException {
    try {
      return factory.psql(factory.keep(database));
    } finally {
      returned();
    }
  }

  private void returned() {
    boolean last;
    lock.lock();
    try {
      inUse--;
      last = isLast();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (last) {
      closeFactory();
    }
  }

  /** Whether nobody needs the factory any more; once, and never before close() has dropped all. */
  private boolean isLast() {
    boolean last = emptied && inUse == 0 && !left;
    left |= last;
    return last;
  }

  /** Drops everything but what open sandboxes still use; that goes with them. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      awaitMakers();
    } finally {
      lock.unlock();
    }
    for (CloneDatabase unused = ready.poll(); unused != null; unused = ready.poll()) {
      dropNow(unused);
    }
    boolean last;
    lock.lock();
    try {
      emptied = true;
      last = isLast();
    } finally {
      lock.unlock();
    }
    if (last) {
      closeFactory();
    }
  }

  private void awaitMakers() {
    long nanos = LONGEST_CLOSE.toNanos();
    try {
      while (nanos > 0 && (making > 0 || dropping > 0)) {
        nanos = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeFactory() {
    for (CloneDatabase left = undropped.poll(); left != null; left = undropped.poll()) {
      dropAtLast(left);
    }
    try {
      factory.close();
    } catch (SQLException failed) {
      LOG.debug("The server of databases for tests could not be left in order", failed);
    }
  }
}
