package io.sandpiper;

import io.sandpiper.context.Repetition;
import io.sandpiper.context.Scope;
import io.sandpiper.context.ScopedExecutors;
import io.sandpiper.context.UnitOfWork;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What one test owns: its view of the database, its mailbox, its ledger of work in progress and its
 * journal.
 *
 * <p>It is opened before the test and ends once, after it; see {@link Sandboxed}. Safe for use by
 * several threads.
 */
public final class Sandbox {

  private final Run run;
  private final TestId id;
  private final String label;
  private final String baggage;
  private final Settings settings;
  private final long startedAt = System.nanoTime();
  private final Monitor monitor = new Monitor();
  private final Journal journal = new Journal(this);
  private final Work test = new Work(this, "test");

  // Guarded by the monitor.
  private final Mailbox mailbox = new Mailbox();
  private final Ledger ledger = new Ledger();
  private final Map<Object, SandboxPart> parts = new LinkedHashMap<>();
  private final Hops hops = new Hops(this);
  private final Faults faults = new Faults(this);
  private final @Nullable InlineTasks inline;
  private final WatchedCalls calls = new WatchedCalls(this);
  private final AtomicLong messageIds = new AtomicLong();
  private volatile @Nullable Long closedAt;
  private volatile @Nullable Object home;
  private volatile @Nullable ApplicationUnderTest application;

  /**
   * How a sandbox is opened.
   *
   * @param testName the name of the test in messages, such as {@code ScoringTests.scores_come_home}
   * @param isolation what it keeps apart
   * @param backgroundErrors what an error in background work does
   * @param background where its tasks run
   * @param drain how long its end waits at most for background work; with zero it lets all such
   *     work be and cancels no periodic task
   * @param owner whoever opened it, so that it can be told from others
   */
  public record Settings(
      String testName,
      Isolation isolation,
      Sandboxed.BackgroundErrors backgroundErrors,
      Sandboxed.Background background,
      Duration drain,
      Object owner) {

    static final Duration DRAIN = Duration.ofSeconds(10);

    /**
     * Those of a test that says nothing else: errors in background work fail it, its tasks run
     * beside it, and its end waits for them for 10 s at most.
     */
    public static Settings of(String testName, Isolation isolation, Object owner) {
      return new Settings(
          testName,
          isolation,
          Sandboxed.BackgroundErrors.FAIL,
          Sandboxed.Background.CONCURRENT,
          DRAIN,
          owner);
    }

    /** These, but for what an error in background work does. */
    public Settings withBackgroundErrors(Sandboxed.BackgroundErrors other) {
      return new Settings(testName, isolation, other, background, drain, owner);
    }

    /** These, but for where tasks run. */
    public Settings withBackground(Sandboxed.Background other) {
      return new Settings(testName, isolation, backgroundErrors, other, drain, owner);
    }

    /** These, but for how long the end waits. */
    public Settings withDrain(Duration other) {
      return new Settings(testName, isolation, backgroundErrors, background, other, owner);
    }
  }

  Sandbox(Run run, TestId id, Settings settings) {
    this.run = run;
    this.id = id;
    // Of its messages each needs an id of its own, also if two JVMs work for one test.
    this.label = id.run().equals(run.name()) ? id.toString() : id + "-" + run.name();
    this.baggage = Baggage.write(null, id, null);
    this.settings = settings;
    this.inline =
        settings.background() == Sandboxed.Background.INLINE ? new InlineTasks(this) : null;
  }

  /**
   * The sandbox that the current thread works for.
   *
   * @throws IllegalStateException where it works for none
   */
  public static Sandbox current() {
    Work work = Work.current();
    if (work == null) {
      throw new IllegalStateException(
          ("Thread %s works for no sandbox. Put @Sandboxed on the test, and hand work to other"
                  + " threads through Sandbox.wrap(…).")
              .formatted(Thread.currentThread().getName()));
    }
    return work.sandbox();
  }

  /** The id that is stamped on everything that leaves the test. */
  public TestId id() {
    return id;
  }

  /** The name of the test in messages. */
  public String testName() {
    return settings.testName();
  }

  /** What this sandbox keeps apart. */
  public Isolation isolation() {
    return settings.isolation();
  }

  /** What has happened so far. */
  public Journal journal() {
    return journal;
  }

  /**
   * Makes the end of the test wait for replies of others, as it does for work of this JVM: until as
   * many hops have come that match {@code reply} as went out that match {@code request}. Without it
   * what others do is listed and not waited for.
   *
   * @param request what asks for a reply, such as {@code sent("scoring.requests")}
   * @param reply what answers it, such as {@code received("scoring.results")}
   */
  public void expectReply(Expectation request, Expectation reply) {
    update(() -> ledger.expect(new ExpectedReplies(request, reply)));
  }

  /** Faults of messages on their way to this test; its neighbours run undisturbed. */
  public Faults faults() {
    return faults;
  }

  /**
   * Writes the calls of a component's methods into the journal from now on, with their arguments
   * and how they ended, if this test makes them; await one by {@code
   * assertReceive(called(Orders.class, "place"))}. Neighbours are not watched.
   *
   * @param component a type of which the application has a bean; any class where the agent runs
   * @throws IllegalStateException where nobody can tell of its calls
   */
  public void watch(Class<?> component) {
    ApplicationUnderTest application = this.application;
    if (application != null && application.watch(component)) {
      calls.watch(component, WatchedCall.Teller.APPLICATION, application);
      return;
    }
    CallWatcher watcher = run.watch(component);
    if (watcher == null) {
      throw new IllegalStateException(
          ("Calls of %s cannot be watched: %s, and the agent does not run. Start the JVM with"
                  + " -javaagent:sandpiper-harness-core.jar, and with Byte Buddy on its class"
                  + " path.")
              .formatted(
                  component.getName(),
                  application == null
                      ? "it is no bean of an application that the harness knows"
                      : application.whyNotWatched(component)));
    }
    calls.watch(component, WatchedCall.Teller.RUN, watcher);
  }

  /**
   * Runs the scheduled methods of a component once, in the calling thread and in this sandbox; the
   * ticks of the application's own scheduler do nothing in a test.
   *
   * @throws Exception what the method throws
   */
  public void tick(Class<?> component) throws Exception {
    tick(component, null);
  }

  /**
   * As {@link #tick(Class)}, of one method.
   *
   * @param method its name, or null for all
   */
  public void tick(Class<?> component, @Nullable String method) throws Exception {
    ApplicationUnderTest application = this.application;
    if (application == null) {
      throw new IllegalStateException(
          ("There is no application in which %s could be run: %s is no Spring test. Call the method"
                  + " itself.")
              .formatted(component.getName(), testName()));
    }
    Work tick = begin("tick " + component.getSimpleName());
    if (tick == null) {
      throw new IllegalStateException("%s has ended; nothing ticks in it.".formatted(this));
    }
    Throwable failure = null;
    try (Scope scope = tick.bind()) {
      application.tick(component, method);
    } catch (Throwable thrown) {
      failure = thrown;
      tick.failureSeen();
      throw thrown;
    } finally {
      tick.finish(failure);
    }
  }

  /**
   * A task that runs in the sandbox of the thread that calls this method, counted from now on, so
   * it has to be run once. Outside any sandbox the task itself.
   *
   * <p>To the compiler a lambda that is one expression with a value is a {@link Callable}; in
   * braces, {@code wrap(() -> { orders.archive(id); })}, it is a Runnable whatever that returns.
   */
  public static Runnable wrap(Runnable task) {
    return ScopedExecutors.wrap(task, Tasks.WRAPPED);
  }

  /** As {@link #wrap(Runnable)}, with a result. */
  public static <T extends @Nullable Object> Callable<T> wrap(Callable<T> task) {
    return ScopedExecutors.wrap(task, Tasks.WRAPPED);
  }

  /**
   * An executor whose tasks run in the sandbox of the thread that submits them, counted. One that
   * is a service, or a scheduled one, stays that.
   */
  public static Executor wrap(Executor executor) {
    return ScopedExecutors.wrap(executor, Tasks.LEDGER);
  }

  /** As {@link #wrap(Executor)}; shutting down the wrapper shuts down the service. */
  public static ExecutorService wrap(ExecutorService service) {
    return ScopedExecutors.wrap(service, Tasks.LEDGER);
  }

  /**
   * As {@link #wrap(ExecutorService)}. A delayed task is counted until it has run or was cancelled;
   * one that is due later than the end of its sandbox may wait is cancelled by that. A periodic one
   * is counted while it runs, and cancelled when its sandbox ends.
   */
  public static ScheduledExecutorService wrap(ScheduledExecutorService service) {
    return ScopedExecutors.wrap(service, Tasks.LEDGER);
  }

  /**
   * A future whose functions, and those of the futures that follow from it, run in the sandbox of
   * whoever adds them. The end of the test waits for them, and for the future itself; a failure
   * that nobody has looked at, by asking for the result or by adding a function, fails the test.
   * Outside any sandbox the future itself.
   *
   * <p>{@code allOf} and {@code anyOf} do not tell that they look: ask each future as well.
   */
  public static <T extends @Nullable Object> CompletableFuture<T> wrap(
      CompletableFuture<T> future) {
    return ScopedExecutors.wrap(future, Tasks.LEDGER);
  }

  /**
   * Does something outside any sandbox: its database access goes to the real database and commits.
   */
  public static <T extends @Nullable Object> T outside(Callable<T> action) throws Exception {
    try (Scope scope = openOutside("Sandbox.outside")) {
      return action.call();
    }
  }

  /** Whether the current thread is in {@link #outside}. */
  public static boolean isOutside() {
    return Scope.currentWork() == Outside.INSTANCE;
  }

  private enum Outside implements UnitOfWork {
    INSTANCE;

    @Override
    public Scope bind() {
      return openOutside("a task of Sandbox.outside");
    }

    @Override
    public void finish(@Nullable Throwable failure) {}

    @Override
    public void failureSeen() {}
  }

  // For integrations.

  /**
   * Takes note, on the thread that submits it, of a task that will run once or never: counted for
   * the sandbox that the thread works for.
   *
   * @return the unit of work that the task is: to be bound by whoever runs it, and to be finished
   *     in either case; null where the thread works for nobody
   */
  public static @Nullable UnitOfWork beginTask(Object task) {
    return Tasks.LEDGER.begin(task);
  }

  /**
   * As {@link #beginTask}, of one that will run again and again.
   *
   * @return what makes a unit of work of each run; null where the task is to run as it is
   */
  public static @Nullable Repetition repeatTask(Object task) {
    return Tasks.LEDGER.repeat(task);
  }

  /**
   * Whether the current thread initializes a class, or makes a singleton bean or an application
   * context: what it begins is no test's.
   */
  public static boolean isFirstUse() {
    return FirstUse.isNow();
  }

  /** As {@link #outside}, from now until the scope is closed. */
  public static Scope openOutside(String opener) {
    return Scope.open(Outside.INSTANCE, opener);
  }

  /** Whatever of this JVM the test works with, of several such things, or null where it is open. */
  public @Nullable Object home() {
    return home;
  }

  /** Says which application context, of several in this JVM, the test works with. */
  public void home(Object context) {
    home = context;
  }

  /** Says which application the test works with, for what only that can do. */
  public void application(ApplicationUnderTest application) {
    this.application = application;
  }

  /** The run that this sandbox belongs to. */
  public Run run() {
    return run;
  }

  /** How long the end of this sandbox waits at most for background work. */
  public Duration drain() {
    return settings.drain();
  }

  /** Whoever opened this sandbox. */
  public Object owner() {
    return settings.owner();
  }

  /** The work of the test method itself, which is not counted. */
  public Work test() {
    return test;
  }

  /**
   * Begins counted work.
   *
   * @param name what it is, such as {@code listener scoring.results}
   * @return the work, to be finished by the caller; null where the sandbox has ended
   */
  public @Nullable Work begin(String name) {
    Work work = new Work(this, name);
    return begin(work) ? work : null;
  }

  boolean begin(Work work) {
    return monitor.read(
        () -> {
          if (closedAt != null) {
            return false;
          }
          ledger.begin(work);
          return true;
        });
  }

  /**
   * Records a hop that leaves this process and lists it as outstanding until it is answered.
   *
   * @param content what it is
   * @return the hop, to be handed to {@link #answered} where the transport sees the answer itself
   */
  public Hop sent(Hop.Content content) {
    return hops.sent(content);
  }

  /**
   * Records a message that is sent through a broker.
   *
   * @param content what it is; its message id is that with which it will arrive
   * @param queues the queues it is known to go to that have a consumer in this JVM: it is
   *     {@linkplain #inTransit in transit} to each of them
   * @param elsewhere whether it may also go to others; then it is outstanding until it is answered
   * @return the hop
   */
  public Hop sent(Hop.Content content, List<String> queues, boolean elsewhere) {
    return hops.sent(content, queues, elsewhere);
  }

  /**
   * Counts a message that a consumer of this JVM will get: the end of the test waits for it until
   * it {@linkplain Run#arrive arrives} at the queue or is {@linkplain #notInTransit lost}.
   *
   * @param messageId its message id, or another name that it will be known by
   */
  public void inTransit(String messageId, String queue) {
    update(() -> ledger.inTransit(new Transit(messageId, queue)));
  }

  /** Counts a message no longer that will not arrive, or has. */
  public void notInTransit(String messageId, String queue) {
    update(() -> ledger.notInTransit(new Transit(messageId, queue)));
  }

  /**
   * Gives up a message that will not arrive, however often it was counted, and says so in the
   * journal; one that is not in transit is left alone.
   *
   * @param why what has become of it, such as {@code was returned by the broker}
   */
  public void lost(String messageId, String queue, String why) {
    update(
        () -> {
          Transit transit = new Transit(messageId, queue);
          if (ledger.lost(transit)) {
            journal.note("%s %s; it is not waited for".formatted(transit, why));
          }
        });
  }

  /** A message id for a message that the application gives none. */
  public String newMessageId() {
    return label + "-" + messageIds.incrementAndGet();
  }

  /** Takes a sent hop off the list of what is outstanding. */
  public void answered(Hop sent) {
    update(() -> ledger.answered(sent));
  }

  /** As {@link #answered}, for a hop that could not be sent. */
  public void failedToSend(Hop sent, Throwable cause) {
    update(
        () -> {
          ledger.answered(sent);
          journal.note("could not send %s: %s".formatted(sent.address(), cause));
        });
  }

  /**
   * A resource of this sandbox, made at the first call.
   *
   * @param key what it is for
   * @param factory makes it; called under a lock, so not to do more than construct
   * @return the part, or null where the sandbox has ended and never had one
   */
  public @Nullable SandboxPart part(Object key, Supplier<? extends SandboxPart> factory) {
    return monitor.read(
        () -> {
          SandboxPart part = parts.get(key);
          if (part == null && closedAt == null) {
            part = factory.get();
            parts.put(key, part);
          }
          return part;
        });
  }

  /** The baggage header of what has none of its own. */
  String baggage() {
    return baggage;
  }

  /** The resources of one type that this sandbox has so far. */
  public <T extends SandboxPart> List<T> parts(Class<T> type) {
    return parts().stream().filter(type::isInstance).map(type::cast).toList();
  }

  /** How long ago the sandbox ended, or null while it is open. */
  public @Nullable Duration sinceEnd() {
    Long at = closedAt;
    return at == null ? null : Duration.ofNanos(System.nanoTime() - at);
  }

  /** Wakes whoever waits in an assertion, to look again. */
  public void signal() {
    monitor.update(() -> {});
  }

  // Within this package.

  WatchedCalls calls() {
    return calls;
  }

  Hops hops() {
    return hops;
  }

  void finished(Work work) {
    boolean counted = ledger.end(work);
    Throwable failure = work.failure();
    if (failure != null) {
      failed(work, failure, counted);
    }
  }

  /** Records a failure of work that is not counted, or not any more. */
  void failed(Work work, Throwable failure, boolean unseen) {
    if (unseen && work.failedUnseen()) {
      ledger.fail(work);
    }
    journal.add(work.name(), "failed: " + failure);
  }

  /** Records a failure that the test is told of whoever else has seen it. */
  void recordFailure(String who, Throwable failure) {
    new Work(this, who).failed(failure);
  }

  /** What runs tasks in their submitter, or null where they run beside it. */
  @Nullable InlineTasks inline() {
    return inline;
  }

  /** Whether something is in progress that does not wait for this task to return. */
  boolean isBusyBeside(Work task) {
    long until = System.nanoTime() + drain().toNanos();
    return monitor.read(() -> ledger.isBusyBeside(task, until));
  }

  void update(Runnable change) {
    monitor.update(change);
  }

  <T extends @Nullable Object> T read(Supplier<T> reading) {
    return monitor.read(reading);
  }

  Monitor monitor() {
    return monitor;
  }

  Mailbox mailbox() {
    return mailbox;
  }

  Ledger ledger() {
    return ledger;
  }

  List<SandboxPart> parts() {
    return monitor.read(() -> List.copyOf(parts.values()));
  }

  /**
   * The name of the database that other processes are told of, or null where they are told of none.
   *
   * @throws IllegalStateException where there is to be one and cannot
   */
  @Nullable String databaseToJoin() {
    if (isolation() != Isolation.DATABASE) {
      return null;
    }
    for (SandboxPart part : parts()) {
      String name = databaseToJoin(part);
      if (name != null) {
        return name;
      }
    }
    return null;
  }

  private @Nullable String databaseToJoin(SandboxPart part) {
    try {
      return part.databaseToJoin();
    } catch (Exception failed) {
      // Without the name its receiver would work on a database that is not the test's.
      throw new IllegalStateException(
          ("Not sent, because %s has no database to join (sandpiper.propagate-database): %s")
              .formatted(this, failed.getMessage()),
          failed);
    }
  }

  /** Whether its end leaves background work alone. */
  boolean changesNothing() {
    return settings.drain().isZero();
  }

  Sandboxed.BackgroundErrors backgroundErrors() {
    return settings.backgroundErrors();
  }

  Duration age() {
    return Duration.ofNanos(System.nanoTime() - startedAt);
  }

  /** Whether all that is open is planned for later than a time of {@link System#nanoTime()}. */
  boolean isIdleUntil(long time) {
    return monitor.read(() -> ledger.idleUntil(time) && missingReplies().isEmpty());
  }

  /** Cancels what is planned for later than a time; it is open no more. */
  void cancelPlannedAfter(long time) {
    monitor.read(() -> ledger.plannedAfter(time)).forEach(Work::cancel);
  }

  /** Closes the doors where nothing counted is open; nothing can begin afterwards. */
  boolean closeIfIdle() {
    return monitor.read(() -> ledger.idle() && missingReplies().isEmpty() && closeDoors());
  }

  /** What was declared to be answered and is not yet, one line each. */
  List<String> missingReplies() {
    return monitor.read(() -> ledger.missingReplies(mailbox));
  }

  /** Closes the doors whatever is open. */
  boolean closeDoors() {
    return monitor.read(
        () -> {
          if (closedAt == null) {
            closedAt = System.nanoTime();
          }
          return true;
        });
  }

  @Override
  public String toString() {
    return "sandbox of %s (test id %s)".formatted(testName(), id);
  }
}
