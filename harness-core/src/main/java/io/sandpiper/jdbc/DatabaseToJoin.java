package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Which database of a test other processes are told of: the only one it has used so far, or the
 * only one it could use. Of several none, as they could not know which is meant.
 */
final class DatabaseToJoin implements SandboxPart {

  private final Sandbox sandbox;
  private final List<Clone> clones = new CopyOnWriteArrayList<>();
  private final AtomicBoolean noted = new AtomicBoolean();

  private DatabaseToJoin(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /** Adds a database that the test may use. */
  static void add(Sandbox sandbox, Clone clone) {
    if (sandbox.part(DatabaseToJoin.class, () -> new DatabaseToJoin(sandbox))
        instanceof DatabaseToJoin toJoin) {
      toJoin.clones.add(clone);
    }
  }

  @Override
  public @Nullable String databaseToJoin() throws SQLException {
    List<Clone> taken = clones.stream().filter(Clone::isTaken).toList();
    List<Clone> candidates = taken.isEmpty() ? clones : taken;
    if (candidates.size() == 1) {
      return candidates.get(0).nameForOthers();
    }
    if (noted.compareAndSet(false, true)) {
      sandbox
          .journal()
          .note(
              taken.isEmpty()
                  ? "sent without the name of a database: there are %d, and none is used yet"
                      .formatted(candidates.size())
                  : "sent without the name of a database: %d are in use"
                      .formatted(candidates.size()));
    }
    return null;
  }

  @Override
  public void fence() {}

  @Override
  public void rollBack() {}

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
