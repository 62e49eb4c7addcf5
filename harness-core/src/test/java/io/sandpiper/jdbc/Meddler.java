package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.jdbc.SandboxModel.Handle;
import io.sandpiper.jdbc.WireTap.Conversation;
import io.sandpiper.jdbc.WireTap.Sent;
import java.sql.SQLException;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** What others do to a sandbox while it is worked with; each is noted in the model before. */
final class Meddler {

  private final RealDatabase database;
  private final WireTap tap;

  Meddler(RealDatabase database, WireTap tap) {
    this.database = database;
    this.tap = tap;
  }

  /** Cancels the statement of a connection, whether it runs, waits for its turn or neither. */
  void cancel(SandboxModel model, Random random) {
    Handle handle = anyOf(model, random);
    if (handle == null) {
      return;
    }
    model.cancels.incrementAndGet();
    model.note("cancels h" + handle.number);
    try {
      handle.statement.cancel();
    } catch (SQLException refused) {
      assertThat(refused.getMessage()).contains("closed");
    }
  }

  /** Closes a connection under the hands of the thread that works with it. */
  void close(SandboxModel model, Random random) throws SQLException {
    Handle handle = anyOf(model, random);
    if (handle == null) {
      return;
    }
    handle.closedByOthers = true;
    model.closings.incrementAndGet();
    model.note("closes h%d of another thread".formatted(handle.number));
    try {
      handle.connection.close();
    } catch (SQLException failed) {
      model.note("could not close it: " + failed.getMessage());
      if (!model.excuses(failed) && !SandboxModel.isOfOpenCopy(failed)) {
        throw failed;
      }
    }
  }

  private static @Nullable Handle anyOf(SandboxModel model, Random random) {
    for (Handle handle : model.handles) {
      if (random.nextBoolean()) {
        return handle;
      }
    }
    return null;
  }

  void interrupt(SandboxModel model) {
    synchronized (model.busy) {
      for (Thread thread : model.busy) {
        model.cancels.incrementAndGet();
        model.interrupted = true;
        model.note("interrupts " + thread.getName());
        thread.interrupt();
        return;
      }
    }
  }

  /** Ends the server's processes that work for it. */
  void kill(SandboxModel model) throws SQLException {
    synchronized (model) {
      if (!model.hasEnded()) {
        model.killed = true;
        String which = model.isTransaction() ? processOf(model) : databaseOf(model);
        model.note("kills " + which);
        database.terminate(which);
      }
    }
  }

  private static String processOf(SandboxModel model) {
    return "pid = "
        + model.sandbox.parts(SandboxConnection.class).stream()
            .mapToInt(SandboxConnection::pid)
            .sum();
  }

  private String databaseOf(SandboxModel model) {
    for (Conversation conversation : tap.conversations()) {
      for (Sent sent : conversation.sent()) {
        Tag tag = Tag.of(sent.sql());
        if (tag != null && tag.sandbox() == model.number()) {
          return "datname = '%s'".formatted(conversation.database());
        }
      }
    }
    return "false";
  }
}
