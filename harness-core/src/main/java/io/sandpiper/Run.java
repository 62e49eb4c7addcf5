package io.sandpiper;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One JVM's test run: opens sandboxes, recognises ids, remembers the tests that ended.
 *
 * <p>For integrations; a test needs none of it. Safe for use by several threads.
 */
public final class Run {

  private static final Logger LOG = LoggerFactory.getLogger(Run.class);

  private final Ids ids;
  private final AtomicLong sequence = new AtomicLong();
  private final Map<String, Sandbox> open = new ConcurrentHashMap<>();
  private final Tombstones tombstones = new Tombstones();
  private final Correlations correlations = new Correlations();
  private final Correlations replyAddresses = new Correlations();
  private final TurnedAway turnedAway = new TurnedAway();
  private final CopyOnWriteArrayList<Function<String, @Nullable String>> diagnoses =
      new CopyOnWriteArrayList<>();
  private final CopyOnWriteArrayList<RunWatch> watches = new CopyOnWriteArrayList<>();
  private final CopyOnWriteArrayList<Predicate<Class<?>>> callWatchers =
      new CopyOnWriteArrayList<>();
  private final RunResources resources = new RunResources();

  Run(Ids ids) {
    this.ids = ids;
  }

  /** A run of its own, with a fresh name and the key that the environment gives or a random one. */
  public static Run create() {
    return new Run(Ids.random(System.getenv(SandboxProcess.SECRET)));
  }

  /**
   * The run of this JVM.
   *
   * <p>JUnit, Spring's tests, application contexts and connection pools share it and have no object
   * in common that could hold it; RATIONALE.md says why it is the one static.
   */
  public static Run ofThisJvm() {
    return Holder.RUN;
  }

  private static final class Holder {
    private static final Run RUN = create();
  }

  /** The name of this run in ids. */
  public String name() {
    return ids.run();
  }

  /** What other JVMs of the harness need to work for tests of this run; not to be logged. */
  String secret() {
    return ids.secret();
  }

  /** Opens a sandbox; whoever does so hands it to {@link #end} exactly once. */
  public Sandbox open(Sandbox.Settings settings) {
    return opened(new Sandbox(this, ids.issue(sequence.incrementAndGet()), settings));
  }

  private Sandbox opened(Sandbox sandbox) {
    open.put(sandbox.id().value(), sandbox);
    watches.forEach(watch -> watch.opened(sandbox));
    return sandbox;
  }

  /**
   * Opens a sandbox for this JVM's part in a test of another run, which has the same key.
   *
   * @return null where the id was not made with that key
   */
  @Nullable Sandbox join(String id) {
    TestId verified = ids.verified(id);
    return verified == null
        ? null
        : opened(
            new Sandbox(
                this,
                verified,
                Sandbox.Settings.of("a process of test " + verified, Isolation.NONE, this)));
  }

  /**
   * Ends a sandbox: drains its work, fences, verifies and rolls back. Blocks while it drains.
   *
   * @param sandbox the sandbox
   * @param testFailure why the test failed, or null where it passed; after a failure only a short
   *     grace is given to work in progress
   * @throws AssertionError where background work failed, did not end or could not be undone
   */
  public void end(Sandbox sandbox, @Nullable Throwable testFailure) {
    new Ending(sandbox, testFailure).run();
  }

  /** The sandboxes that are open now, in the order of their opening; those that end are not. */
  public List<Sandbox> openSandboxes() {
    return open.values().stream()
        .filter(sandbox -> sandbox.sinceEnd() == null)
        .sorted(Comparator.comparingLong(sandbox -> sandbox.id().sequence()))
        .toList();
  }

  void forget(Sandbox sandbox) {
    sandbox.hops().forget();
    if (sandbox.id().run().equals(name())) {
      tombstones.add(sandbox);
    }
    open.remove(sandbox.id().value());
  }

  /**
   * Takes in a message or request: finds its test by own header, baggage, correlation id, message
   * id, the address that a reply was asked to or, where it is handled by the thread that sent it,
   * the scope; puts it into the mailbox and begins its handling, or refuses it and records that.
   * One that was {@linkplain Sandbox#inTransit in transit} has arrived then.
   *
   * @param content what has come; its id headers are under the names of {@link Propagation}
   * @param handler the name of its handling, such as {@code listener scoring.results}
   */
  public Arrival arrive(Hop.Content content, String handler) {
    Recognition recognition = recognize(content);
    if (recognition instanceof Recognition.Owned owned) {
      Work work = owned.sandbox().hops().received(content, owned.attribution(), handler);
      if (work != null) {
        return new Arrival.Accepted(work);
      }
      recognition = new Recognition.Refused(late(owned.sandbox()));
    }
    if (recognition instanceof Recognition.Refused refused) {
      record(content.address(), refused.refusal());
      return new Arrival.Refused(refused.refusal());
    }
    turnedAway.unknown(content.address());
    return new Arrival.Unknown();
  }

  /**
   * Takes in a copy of a message that is on its way to others: puts it into the mailbox of its
   * test. It answers nothing, and nobody handles it. What belongs to no open test is not recorded.
   *
   * @param content what was seen
   * @return whether it belongs to an open test
   */
  public boolean overhear(Hop.Content content) {
    return recognize(content) instanceof Recognition.Owned owned
        && owned.sandbox().hops().overheard(content, owned.attribution());
  }

  /**
   * The open sandbox that {@link #arrive} would put a message or request into, or null. Nothing is
   * recorded.
   */
  public @Nullable Sandbox sandboxOf(Hop.Content content) {
    return recognize(content) instanceof Recognition.Owned owned ? owned.sandbox() : null;
  }

  /**
   * The other run that the id of a message names, or null where it names none. Whether that run has
   * issued it only that run can tell. Nothing is recorded.
   */
  public @Nullable String strayOf(Hop.Content content) {
    String id =
        recognize(content) instanceof Recognition.Refused refused
                && refused.refusal().reason() == Refusal.Reason.STRAY
            ? refused.refusal().id()
            : null;
    return id == null ? null : id.substring(0, id.lastIndexOf('-'));
  }

  /**
   * The fault that the test of a message has asked for it; to be called once a delivery, before
   * {@link #arrive}.
   *
   * @return what is to become of the message, or null where nothing is to happen to it
   */
  public @Nullable Disturbance disturb(Hop.Content content) {
    Sandbox sandbox = sandboxOf(content);
    return sandbox == null ? null : sandbox.faults().disturb(content);
  }

  /** It ends at this moment, so that it may have no tombstone yet. */
  private static Refusal late(Sandbox sandbox) {
    return Refusal.late(sandbox.id().toString(), sandbox.testName(), sandbox.sinceEnd());
  }

  /** Records a refusal that an integration made by itself. */
  public void record(String address, Refusal refusal) {
    LOG.warn("Refused on {}: {}", address, refusal.message());
    turnedAway.refused(address, refusal);
  }

  /** Records that the application's handler was refused database access and its message acked. */
  public void recordRefusedWork(String address, String message) {
    LOG.warn("Acknowledged on {} without effect: {}", address, message);
    turnedAway.note(address, message);
  }

  /** How many messages and requests were refused so far for a reason. */
  public long refusals(Refusal.Reason reason) {
    return turnedAway.count(reason);
  }

  private Recognition recognize(Hop.Content content) {
    Recognition byHeader =
        recognize(text(content.headers().get(Propagation.HEADER)), Attribution.OWN_HEADER);
    if (byHeader != Recognition.NONE) {
      return byHeader;
    }
    Recognition byBaggage =
        recognize(
            Baggage.read(text(content.headers().get(Propagation.BAGGAGE))), Attribution.BAGGAGE);
    if (byBaggage != Recognition.NONE) {
      return byBaggage;
    }
    Recognition byCorrelation = correlations.find(content.ids().correlationId());
    if (byCorrelation != Recognition.NONE) {
      return byCorrelation;
    }
    // An address that several open tests gave tells nothing, and is no mistake of anybody's.
    if (replyAddresses.find(content.address()) instanceof Recognition.Owned byAddress) {
      return byAddress;
    }
    Work caller = Work.current();
    return caller == null
        ? Recognition.NONE
        : new Recognition.Owned(caller.sandbox(), Attribution.SCOPE);
  }

  private Recognition recognize(@Nullable String value, Attribution attribution) {
    if (value == null || !value.startsWith(TestId.PREFIX)) {
      return Recognition.NONE;
    }
    Sandbox sandbox = open.get(value);
    if (sandbox != null) {
      return new Recognition.Owned(sandbox, attribution);
    }
    return new Recognition.Refused(ids.refuse(value, tombstones));
  }

  private static @Nullable String text(@Nullable Object header) {
    return header == null ? null : header.toString();
  }

  /**
   * A thing of which the whole run shares one, such as a server; made at the first call and closed
   * when the JVM exits.
   */
  public <T extends AutoCloseable> T shared(Class<T> type, Supplier<T> factory) {
    return resources.get(type, factory);
  }

  /**
   * Has something done when the JVM exits, before the things that the run {@linkplain #shared
   * shares} are closed.
   *
   * @param action called by the thread of a shutdown hook; does not throw, and waits for others
   *     with a limit only
   */
  public void beforeExit(Runnable action) {
    resources.before(action);
  }

  /**
   * Adds a source of explanations for failed waits.
   *
   * @param diagnosis says what state an address (a queue, say) is in, or null where it knows none
   * @return removes it again
   */
  public Runnable addDiagnosis(Function<String, @Nullable String> diagnosis) {
    diagnoses.add(diagnosis);
    return () -> diagnoses.remove(diagnosis);
  }

  Iterable<Function<String, @Nullable String>> diagnoses() {
    return diagnoses;
  }

  /**
   * Adds one that can make calls of a class known to {@link WatchedCall}.
   *
   * @param watcher returns whether it does
   */
  public void addCallWatcher(Predicate<Class<?>> watcher) {
    callWatchers.add(watcher);
  }

  boolean watch(Class<?> component) {
    return callWatchers.stream().anyMatch(watcher -> watcher.test(component));
  }

  /** Adds one that looks after the whole run. */
  public void addWatch(RunWatch watch) {
    watches.add(watch);
  }

  /**
   * Ends the run, or a part of it whose sandboxes have all ended.
   *
   * @throws AssertionError with what the {@linkplain #addWatch watches} have found since the last
   *     call
   */
  public void verify() {
    List<String> findings = watches.stream().flatMap(watch -> watch.findings().stream()).toList();
    if (!findings.isEmpty()) {
      throw new AssertionError(String.join("%n".formatted(), findings));
    }
  }

  Correlations correlations() {
    return correlations;
  }

  Correlations replyAddresses() {
    return replyAddresses;
  }

  TurnedAway turnedAway() {
    return turnedAway;
  }
}
