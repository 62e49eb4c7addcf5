package io.sandpiper.example;

import io.sandpiper.Sandbox;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/** Counts rows, for tests. */
@Component
class Tables {

  private final JdbcClient jdbc;

  Tables(JdbcClient jdbc) {
    this.jdbc = jdbc;
  }

  /** How many rows each table has, as the caller sees it. */
  Rows rows() {
    return jdbc.sql(
            """
            SELECT (SELECT count(*) FROM batch) AS batches,
                   (SELECT count(*) FROM item) AS items,
                   (SELECT count(*) FROM audit) AS audit
            """)
        .query(Rows.class)
        .single();
  }

  /** How many rows each table has for everybody: what has been committed. */
  Rows committedRows() throws Exception {
    return Sandbox.outside(this::rows);
  }

  /** How many notifications there are for everybody. */
  int committedNotifications() throws Exception {
    return Sandbox.outside(
        () -> jdbc.sql("SELECT count(*) FROM notification").query(Integer.class).single());
  }

  record Rows(int batches, int items, int audit) {

    static final Rows NONE = new Rows(0, 0, 0);
  }
}
