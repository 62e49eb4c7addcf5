package io.sandpiper;

import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One unit of work of a sandbox: the test method, a listener call, a request or a task.
 *
 * <p>Counted work keeps its sandbox open: the drain at the end of a test waits for it. Work has
 * finished when it has returned and every lease that it opened has ended, because a transaction may
 * be committed by a container after the handler has returned.
 */
public final class Work implements UnitOfWork {

  private final Sandbox sandbox;
  private final String name;
  private final Start start;
  private final @Nullable CallSite startedBy;
  private final @Nullable Doer doer;
  // Of a task that runs in the thread that submits it: what that thread did then.
  private final @Nullable Work submitter;
  private final int depth;
  private final long since = System.nanoTime();
  // Guarded by the sandbox's lock.
  private int open = 1;
  private boolean returned;
  private @Nullable Throwable failure;
  private boolean failureSeen;
  private boolean stopped;
  private final Deque<Consumer<@Nullable Throwable>> lastly = new ArrayDeque<>(0);

  /**
   * When work that was planned for later is to begin.
   *
   * @param at by {@link System#nanoTime()}
   * @param cancel keeps it from beginning, and returns whether it will not
   */
  private record Due(long at, BooleanSupplier cancel) {

    String left() {
      return Durations.rough(Duration.ofNanos(Math.max(0, at - System.nanoTime())));
    }
  }

  /** The one that was bound last. */
  private volatile @Nullable Thread thread;

  private volatile boolean ownThread;
  private volatile @Nullable Due due;

  /** How work comes into being, and what is said of it while nobody does it. */
  enum Start {
    SUBMITTED("submitted", "not begun"),
    WRAPPED("wrapped", "was wrapped and has not been run"),
    FUTURE("wrapped", "not complete"),
    STARTED("started", "not begun");

    private final String verb;
    private final String waiting;

    Start(String verb, String waiting) {
      this.verb = verb;
      this.waiting = waiting;
    }
  }

  Work(Sandbox sandbox, String name) {
    this(sandbox, name, Start.STARTED, null, null, null);
  }

  private Work(
      Sandbox sandbox,
      String name,
      Start start,
      @Nullable CallSite startedBy,
      @Nullable Doer doer,
      @Nullable Work submitter) {
    this.sandbox = sandbox;
    this.name = name;
    this.start = start;
    this.startedBy = startedBy;
    this.doer = doer;
    this.submitter = submitter;
    this.depth = submitter == null ? 0 : submitter.depth + 1;
  }

  /** A task; the current thread submits it, or runs it once more. */
  static Work task(Sandbox sandbox, String name, Start start, @Nullable CallSite startedBy) {
    Work current = current();
    boolean inside = current != null && current.sandbox == sandbox && sandbox.inline() != null;
    return new Work(sandbox, name, start, startedBy, new TaskThreads(), inside ? current : null);
  }

  /** What somebody else does, begun here by the current thread. */
  static Work of(Sandbox sandbox, String name, Doer doer) {
    return new Work(sandbox, name, Start.STARTED, CallSite.here(), doer, null);
  }

  /** The work that the current thread does for a sandbox, or null where it does none. */
  public static @Nullable Work current() {
    return Scope.currentWork() instanceof Work work ? work : null;
  }

  /** The sandbox that this work belongs to. */
  public Sandbox sandbox() {
    return sandbox;
  }

  @Override
  public Scope bind() {
    thread = Thread.currentThread();
    if (!(doer instanceof TaskThreads threads)) {
      return Scope.open(this, name);
    }
    if (submitter == null || sandbox.changesNothing()) {
      return threads.bind(this, () -> {});
    }
    Future<?> watch = sandbox.run().shared(InlineWatch.class, InlineWatch::new).watch(this);
    return threads.bind(this, () -> watch.cancel(false));
  }

  /** Says that this work holds something that ends later than its handler may return. */
  public void hold() {
    sandbox.update(() -> open++);
  }

  /**
   * Gives back a hold.
   *
   * @param failure why what was held failed, or null
   */
  public void release(@Nullable Throwable failure) {
    close(failure);
  }

  /**
   * Has something done when this work has returned and all that it held has been given back. The
   * work is open until it is done.
   *
   * @param last is given why the work failed, or null; called once, by the thread that would end
   *     the work, and does not wait
   */
  public void lastly(Consumer<@Nullable Throwable> last) {
    sandbox.update(() -> lastly.addLast(last));
  }

  @Override
  public void finish(@Nullable Throwable failure) {
    boolean first =
        sandbox.read(
            () -> {
              boolean now = !returned;
              returned = true;
              return now;
            });
    if (first) {
      close(failure);
    }
  }

  /**
   * Says that this work has failed although whoever does it will return normally, because somebody
   * swallows the failure. It fails the test as any other does; only the first failure counts.
   */
  public void failed(Throwable failure) {
    sandbox.update(
        () -> {
          if (this.failure == null) {
            this.failure = failure;
            if (!sandbox.ledger().isCounted(this)) {
              sandbox.failed(this, failure, true);
            }
          }
        });
  }

  @Override
  public void failureSeen() {
    sandbox.update(
        () -> {
          failureSeen = true;
          sandbox.ledger().shown(this);
        });
  }

  @Override
  public void dueIn(long nanos, BooleanSupplier cancel) {
    if (nanos > 0 && !sandbox.changesNothing()) {
      // Half of the range, so that any two times can be compared.
      long at = System.nanoTime() + Math.min(nanos, Long.MAX_VALUE / 2);
      sandbox.update(() -> due = finished() ? null : new Due(at, cancel));
    }
  }

  /** Whether it has not begun and is not to begin before a time of {@link System#nanoTime()}. */
  boolean isDueAfter(long time) {
    Due planned = due;
    return planned != null && thread == null && planned.at() - time > 0;
  }

  /** Keeps what was planned for later from beginning, and counts it no more. */
  void cancel() {
    Due planned = due;
    if (planned == null) {
      return;
    }
    String what = "%s, due in %s: ".formatted(origin(), planned.left());
    boolean cancelled = cancelled(planned);
    if (thread != null) {
      // It was quicker, and is counted until it has ended.
      return;
    }
    sandbox
        .journal()
        .note(
            what
                + (cancelled
                    ? "cancelled, the test ended before"
                    : "cannot be cancelled and is fenced off, the test ended before"));
    finish(null);
  }

  private static boolean cancelled(Due planned) {
    try {
      return planned.cancel().getAsBoolean();
    } catch (RuntimeException ofTheApplication) {
      return false;
    }
  }

  private void close(@Nullable Throwable cause) {
    Consumer<@Nullable Throwable> last = sandbox.read(() -> closeUnlessLast(cause));
    if (last != null) {
      try {
        last.accept(sandbox.read(this::failure));
      } finally {
        close(null);
      }
    }
  }

  /** What is to be done before this work closes; null where it has been closed once more. */
  private @Nullable Consumer<@Nullable Throwable> closeUnlessLast(@Nullable Throwable cause) {
    if (failure == null) {
      failure = cause;
    }
    Consumer<@Nullable Throwable> last = open > 1 ? null : lastly.pollFirst();
    if (last == null) {
      sandbox.update(this::closed);
    }
    return last;
  }

  private void closed() {
    open--;
    if (open == 0) {
      due = null;
      sandbox.finished(this);
    }
  }

  boolean finished() {
    return open == 0;
  }

  @Nullable Throwable failure() {
    return failure;
  }

  /** Whether nobody but the end of the test will tell of its failure. */
  boolean failedUnseen() {
    return failure != null && !failureSeen && !stopped;
  }

  /** Says that it is all that a thread does, from its start to its end. */
  public void onItsOwnThread() {
    ownThread = true;
  }

  /**
   * Whether it is a thread that waits in a queue: what comes next out of it may be anybody's, so
   * that whoever ends the thread may end it for other tests too.
   */
  boolean waitsForAnybody() {
    List<Thread> threads = ownThread ? threads() : List.of();
    return !threads.isEmpty() && threads.stream().allMatch(Stacks::isInQueue);
  }

  /**
   * Asks whoever does it to end; how it fails then is no failure of its own.
   *
   * @return whether somebody could be asked, and may be
   */
  boolean stop() {
    return doer != null
        && !waitsForAnybody()
        && sandbox.read(
            () -> {
              boolean asked = doer.stop();
              stopped = asked && failure == null;
              return asked;
            });
  }

  /** How long it may take to end when it is asked to. */
  Duration grace() {
    return doer == null ? Duration.ZERO : doer.grace();
  }

  /** Ends it if that can be done. */
  void kill() {
    if (doer != null) {
      doer.kill();
    }
  }

  String name() {
    return name;
  }

  /** One line for the list of what is still open. */
  String describe() {
    Duration age = Duration.ofNanos(System.nanoTime() - since);
    return "%s, open for %s, %s".formatted(origin(), Durations.text(age), where());
  }

  private String where() {
    Thread on = thread;
    if (doer != null && !(doer instanceof TaskThreads)) {
      return doer.toString();
    }
    if (on != null) {
      return "on " + on.getName();
    }
    Due planned = due;
    return planned == null
        ? start.waiting
        : "%s, due in %s".formatted(start.waiting, planned.left());
  }

  /** What it is and, of a task, where it was submitted: "task Foo, submitted at Bar.baz(…)". */
  public String origin() {
    return startedBy == null ? name : "%s, %s at %s".formatted(name, start.verb, startedBy);
  }

  /**
   * The place where the current thread, which does this work, submits a task; where only the JDK's
   * code does, the one where this work was submitted.
   */
  @Nullable CallSite placeOfTask() {
    CallSite here = CallSite.here();
    return here == null ? startedBy : here;
  }

  /** Whether threads of this JVM do it, which the sandbox can refuse what they ask for. */
  boolean isRefused() {
    return start != Start.FUTURE && (doer == null || doer instanceof TaskThreads);
  }

  /** How many tasks it runs inside of, each in the thread of the one around it. */
  int depth() {
    return depth;
  }

  /** What it runs inside of, or null. */
  @Nullable Work submitter() {
    return submitter;
  }

  /** Interrupts the threads that do this task, while they do it. */
  void interrupt() {
    if (doer != null) {
      doer.stop();
    }
  }

  /** The threads of this JVM that are at it now, as far as that is known. */
  List<Thread> threads() {
    Thread last = thread;
    if (doer != null) {
      return doer.threads();
    }
    return last == null ? List.of() : List.of(last);
  }

  @Override
  public String toString() {
    return name + " of " + sandbox.testName();
  }
}
