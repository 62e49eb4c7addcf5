package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import io.sandpiper.Schedules;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.extension.ExtendWith;

/** Savepoints that all transactions call by the same name. */
class SavepointNamesTests extends InSandbox {

  /** Random schedules of two sandboxes over shared threads. */
  @RepeatedTest(5)
  @ExtendWith(Schedules.class)
  void a_name_means_the_savepoint_of_its_own_transaction(Random random) throws Exception {
    List<Sandbox> sandboxes = List.of(sandbox, db.open("T.other"));
    List<ConcurrentSkipListSet<Integer>> kept =
        List.of(new ConcurrentSkipListSet<>(), new ConcurrentSkipListSet<>());
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      int which = random.nextInt(2);
      int kind = random.nextInt(5);
      int id = which * 1_000 + i * 10;
      steps.add(
          threads.submit(
              () -> {
                inside(sandboxes.get(which), () -> kept.get(which).addAll(step(kind, id)));
                return null;
              }));
    }
    for (Future<?> step : steps) {
      step.get(30, TimeUnit.SECONDS);
    }
    for (int which = 0; which < 2; which++) {
      List<Integer> rows = db.in(sandboxes.get(which), db::ids);
      assertThat(rows).containsExactlyElementsOf(kept.get(which));
    }
    db.run.end(sandboxes.get(1), null);
  }

  /** Some transactions; returns the rows that they have committed. */
  private List<Integer> step(int kind, int id) throws Exception {
    try (Connection connection = transaction()) {
      insert(connection, id);
      switch (kind) {
        case 0 -> {
          run(connection, "SAVEPOINT s");
          insert(connection, id + 1);
        }
        case 1 -> {
          connection.setSavepoint("s");
          run(connection, "/* before */ SAVEPOINT s");
          insert(connection, id + 1);
          run(connection, "RELEASE s");
        }
        case 2 -> {
          isUnknown(connection, "ROLLBACK TO s");
          connection.rollback();
          return List.of();
        }
        case 3 -> {
          isUnknown(connection, "RELEASE SAVEPOINT s");
          connection.rollback();
          insert(connection, id + 1);
          connection.commit();
          return List.of(id + 1);
        }
        default -> {
          run(connection, "SAVEPOINT s");
          try (Connection inner = transaction()) {
            insert(inner, id + 1);
            isUnknown(inner, "ROLLBACK WORK TO s");
          }
          insert(connection, id + 2);
          run(connection, "ROLLBACK TRANSACTION TO s");
          insert(connection, id + 1);
        }
      }
      connection.commit();
    }
    return List.of(id, id + 1);
  }

  private static void isUnknown(Connection connection, String sql) {
    assertThatThrownBy(() -> run(connection, sql))
        .isInstanceOfSatisfying(
            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("3B001"));
  }
}
