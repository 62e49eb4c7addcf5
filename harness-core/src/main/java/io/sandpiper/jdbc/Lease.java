package io.sandpiper.jdbc;

import io.sandpiper.CallSite;
import io.sandpiper.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.copy.CopyOperation;

/**
 * The right to use a sandbox's connection: for one autocommit statement or one application
 * transaction.
 *
 * <p>What changes is used under the wire of the connection.
 */
final class Lease {

  private final ConnectionHandle handle;
  private final boolean transaction;
  private final @Nullable Lease outer;
  private final int depth;
  private final @Nullable Work work;
  private final long since = System.nanoTime();
  private volatile Thread thread = Thread.currentThread();
  private volatile @Nullable CopyOperation copy;

  private @Nullable String savepoint;
  private boolean failed;
  private boolean releaseAtEnd;
  private boolean setsConstraints;
  private boolean setsTransaction;
  private @Nullable TransactionSteps steps;
  private boolean checksApart;
  private long writersBefore;
  private @Nullable Lease innerThatWrote;
  private @Nullable CallSite site;

  Lease(ConnectionHandle handle, boolean transaction, @Nullable Lease outer, @Nullable Work work) {
    this.handle = handle;
    this.transaction = transaction;
    this.outer = outer;
    this.depth = outer == null ? 0 : outer.depth + 1;
    this.work = work;
  }

  ConnectionHandle handle() {
    return handle;
  }

  /** Whether it lasts until a commit or rollback, not for one statement only. */
  boolean transaction() {
    return transaction;
  }

  boolean readOnly() {
    return transaction && handle.readOnly();
  }

  /** Whether it was opened by a thread that held another one. */
  boolean nested() {
    return outer != null;
  }

  /** The one that its thread held when it was opened. */
  @Nullable Lease outer() {
    return outer;
  }

  int depth() {
    return depth;
  }

  /** Says that its work has not finished before it ends. */
  void holdWork() {
    if (work != null) {
      work.hold();
    }
  }

  /** Undoes {@link #holdWork}. */
  void releaseWork() {
    if (work != null) {
      work.release(null);
    }
  }

  /** The thread that used it last. */
  Thread thread() {
    return thread;
  }

  void usedBy(Thread user) {
    thread = user;
  }

  /** Whether a COPY is open, during which nothing else can be sent. */
  boolean copying() {
    return copy != null;
  }

  /** The COPY that is open, or null. */
  @Nullable CopyOperation copy() {
    return copy;
  }

  void copying(@Nullable CopyOperation open) {
    copy = open;
  }

  /** The savepoint that undoes all it did, or null where it did nothing yet. */
  @Nullable String savepoint() {
    return savepoint;
  }

  void savepoint(@Nullable String name) {
    savepoint = name;
  }

  /** Whether its transaction has failed although the one of the sandbox has not. */
  boolean failed() {
    return failed;
  }

  void fail() {
    failed = true;
  }

  /** Whether its savepoint has to be released at its end, and not with many others. */
  boolean releasedAtEnd() {
    return releaseAtEnd;
  }

  void releaseAtEnd() {
    releaseAtEnd = true;
  }

  /** Whether the application has set the mode of constraints. */
  boolean setConstraints() {
    return setsConstraints;
  }

  void setsConstraints() {
    setsConstraints = true;
  }

  /** Whether the application has set the mode of its transaction by SQL. */
  boolean setTransaction() {
    return setsTransaction;
  }

  void setsTransaction() {
    setsTransaction = true;
    releaseAtEnd = true;
  }

  /** Takes note of what the server has done. */
  void taken(List<TransactionStep> taken) {
    for (TransactionStep step : taken) {
      TransactionSteps known = steps;
      if (known == null) {
        known = new TransactionSteps();
        steps = known;
      }
      known.taken(step, innerThatWrote);
    }
  }

  /** The names of the application's savepoints in it. */
  Set<String> savepoints() {
    return steps == null ? Set.of() : steps.savepoints();
  }

  /** Whether a step would take rows along that were committed inside it. */
  boolean wouldLose(TransactionStep step) {
    Lease inner = innerThatWrote;
    return inner != null
        && steps != null
        && step.is(TransactionStep.Kind.ROLLBACK_TO)
        && steps.isBefore(inner, step.subject());
  }

  /** The statements that give constraints the modes they have in it, in order. */
  List<String> modes() {
    return steps == null ? List.of() : steps.modes();
  }

  /** The ones that it was opened in, from the inside out. */
  List<Lease> around() {
    List<Lease> around = new ArrayList<>();
    for (Lease each = outer; each != null; each = each.outer) {
      around.add(each);
    }
    return around;
  }

  /** Whether what it leaves to its commit can be checked apart from what an outer one left. */
  boolean checksApart() {
    return checksApart;
  }

  void checksApart(boolean possible) {
    checksApart = possible;
  }

  /** How many subtransactions had written when it began. */
  long writersBefore() {
    return writersBefore;
  }

  void writersBefore(long count) {
    writersBefore = count;
  }

  /** It has written and committed inside an outer one, with which its rows would go. */
  void wroteInsideOuter() {
    for (Lease around = outer; around != null; around = around.outer) {
      if (around.savepoint != null) {
        around.innerThatWrote = this;
        return;
      }
    }
  }

  @Nullable Lease innerThatWrote() {
    return innerThatWrote;
  }

  /** Where the application began it, or null where that was not looked for. */
  @Nullable CallSite site() {
    return site;
  }

  void begunAt(@Nullable CallSite frame) {
    site = frame;
  }

  /** What holds it: {@code listener scoring.results of T.test}. */
  String name() {
    return work == null ? "work without a scope" : work.toString();
  }

  /** "listener scoring.results of T.test on thread x for 20 ms". */
  @Override
  public String toString() {
    return "%s on thread %s for %d ms%s"
        .formatted(
            name(),
            thread.getName(),
            (System.nanoTime() - since) / 1_000_000,
            copying() ? ", with a COPY open" : "");
  }
}
