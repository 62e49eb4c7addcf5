package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import javax.sql.DataSource;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.test.context.junit.jupiter.SpringExtension;

/** Compares the real database after a suite with what it was before: objects, rows and locks. */
final class NothingLeft implements BeforeAllCallback, AfterAllCallback {

  private static final Namespace NAMESPACE = Namespace.create(NothingLeft.class);

  private static final String OWN = " NOT IN ('pg_catalog', 'information_schema', 'pg_toast')";

  private record Found(Map<String, Long> counts) {}

  @Override
  public void beforeAll(ExtensionContext suite) throws Exception {
    suite.getStore(NAMESPACE).put(Found.class, look(suite));
  }

  @Override
  public void afterAll(ExtensionContext suite) throws Exception {
    Found before = Objects.requireNonNull(suite.getStore(NAMESPACE).get(Found.class, Found.class));
    assertThat(look(suite).counts()).isNotEmpty().isEqualTo(before.counts());
  }

  private static Found look(ExtensionContext suite) throws Exception {
    DataSource dataSource = SpringExtension.getApplicationContext(suite).getBean(DataSource.class);
    return Sandbox.outside(() -> look(new JdbcTemplate(dataSource)));
  }

  private static Found look(JdbcTemplate jdbc) {
    Map<String, Long> counts = new TreeMap<>();
    List<String> tables =
        jdbc.query(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname" + OWN,
            (row, number) -> row.getString(1));
    for (String table : tables) {
      counts.put(table, count(jdbc, table));
    }
    counts.put(
        "objects",
        count(
            jdbc,
            "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname" + OWN));
    counts.put(
        "schemas",
        count(
            jdbc,
            "pg_namespace WHERE nspname NOT LIKE 'pg\\_temp%' AND nspname NOT LIKE 'pg\\_toast\\_temp%'"));
    counts.put(
        "advisory locks",
        count(
            jdbc,
            // A session in a transaction is that of a test of another suite, still at work.
            "pg_locks l JOIN pg_stat_activity a USING (pid) WHERE locktype = 'advisory'"
                + " AND a.state = 'idle' AND a.datname = current_database()"
                + " AND l.database = a.datid"));
    counts.put(
        "prepared transactions",
        count(jdbc, "pg_prepared_xacts WHERE database = current_database()"));
    return new Found(counts);
  }

  private static long count(JdbcTemplate jdbc, String from) {
    Long rows = jdbc.queryForObject("SELECT count(*) FROM " + from, Long.class);
    return rows == null ? -1 : rows;
  }
}
