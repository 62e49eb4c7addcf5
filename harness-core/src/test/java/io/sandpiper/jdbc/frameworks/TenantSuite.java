package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.MultiTenancySettings;
import org.hibernate.context.spi.CurrentTenantIdentifierResolver;
import org.hibernate.engine.jdbc.connections.spi.MultiTenantConnectionProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.data.jdbc.autoconfigure.DataJdbcRepositoriesAutoConfiguration;
import org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration;
import org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration;
import org.springframework.boot.hibernate.autoconfigure.HibernatePropertiesCustomizer;
import org.springframework.boot.jooq.autoconfigure.JooqAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.test.context.TestPropertySource;

/** Hibernate with a schema for each tenant, chosen by {@code Connection.setSchema}. */
@SpringBootTest(classes = TenantSuite.Application.class)
@ExtendWith(NothingLeft.class)
@TestPropertySource(
    properties = {
      "spring.autoconfigure.exclude=",
      "spring.task.execution.pool.core-size=4",
      "spring.datasource.hikari.maximum-pool-size=4",
      "spring.jpa.hibernate.ddl-auto=none",
      "spring.jpa.open-in-view=false",
      "spring.sql.init.mode=always",
      "spring.sql.init.schema-locations=classpath:frameworks/tenants.sql"
    })
@Execution(ExecutionMode.CONCURRENT)
abstract class TenantSuite {

  @Sandboxed(isolation = Isolation.TRANSACTION)
  static class InTransactions extends TenantSuite {}

  @Sandboxed(isolation = Isolation.DATABASE)
  static class InDatabases extends TenantSuite {}

  private static final String EAST = "east";
  private static final String WEST = "west";

  @EnableAutoConfiguration(
      exclude = {
        DataJdbcRepositoriesAutoConfiguration.class,
        DataJpaRepositoriesAutoConfiguration.class,
        FlywayAutoConfiguration.class,
        JooqAutoConfiguration.class,
        MybatisAutoConfiguration.class
      })
  static class Application {

    @Bean
    HibernatePropertiesCustomizer tenants(DataSource dataSource) {
      Map<String, Object> settings =
          Map.of(
              MultiTenancySettings.MULTI_TENANT_CONNECTION_PROVIDER, new Schemas(dataSource),
              MultiTenancySettings.MULTI_TENANT_IDENTIFIER_RESOLVER, new NoDefault());
      return properties -> properties.putAll(settings);
    }
  }

  /** Sets the schema when a session takes a connection; the pool resets it at its return. */
  private record Schemas(DataSource dataSource) implements MultiTenantConnectionProvider<String> {

    private static final long serialVersionUID = 1;

    @Override
    public Connection getAnyConnection() throws SQLException {
      return dataSource.getConnection();
    }

    @Override
    public void releaseAnyConnection(Connection connection) throws SQLException {
      connection.close();
    }

    @Override
    public Connection getConnection(String tenant) throws SQLException {
      Connection connection = dataSource.getConnection();
      connection.setSchema(tenant);
      return connection;
    }

    @Override
    public void releaseConnection(String tenant, Connection connection) throws SQLException {
      connection.close();
    }

    @Override
    public boolean supportsAggressiveRelease() {
      return false;
    }

    @Override
    public boolean isUnwrappableAs(Class<?> type) {
      return false;
    }

    @Override
    public <T> T unwrap(Class<T> type) {
      throw new AssertionError("isUnwrappableAs says no");
    }
  }

  private static final class NoDefault implements CurrentTenantIdentifierResolver<String> {

    @Override
    public String resolveCurrentTenantIdentifier() {
      return "public";
    }

    @Override
    public boolean validateExistingCurrentSessions() {
      return false;
    }
  }

  @Autowired SessionFactory sessions;
  @Autowired JdbcTemplate jdbc;
  @Autowired DataSource dataSource;
  @Autowired AsyncTaskExecutor executor;

  private String suffix = "";

  @BeforeEach
  void names_of_this_test(Sandbox sandbox) {
    suffix = "-" + sandbox.id().sequence();
  }

  private String own(String name) {
    return name + suffix;
  }

  private Session session(String tenant) {
    return sessions.withOptions().tenantIdentifier((Object) tenant).openSession();
  }

  private void add(String tenant, String name) {
    try (Session session = session(tenant)) {
      session.beginTransaction();
      session.persist(new Entities.Name(name));
      session.getTransaction().commit();
    }
  }

  private List<String> names(String tenant) {
    try (Session session = session(tenant)) {
      return session
          .createSelectionQuery("SELECT n.name FROM Name n ORDER BY n.name", String.class)
          .getResultList();
    }
  }

  @Twice
  void two_tenants_in_turn(Pair pair) throws InterruptedException {
    add(EAST, own("a"));
    add(WEST, own("b"));
    pair.meet();
    add(EAST, own("c"));
    assertThat(names(EAST)).containsExactly(own("a"), own("c"));
    assertThat(names(WEST)).containsExactly(own("b"));
  }

  /** Both hold a connection: one of them has a session open while the other works. */
  @Twice
  void two_tenants_whose_sessions_overlap(Pair pair) throws InterruptedException {
    try (Session east = session(EAST);
        Session west = session(WEST)) {
      east.beginTransaction();
      east.persist(new Entities.Name(own("a")));
      east.flush();
      pair.meet();
      west.beginTransaction();
      west.persist(new Entities.Name(own("b")));
      west.flush();
      west.getTransaction().commit();
      east.persist(new Entities.Name(own("c")));
      east.flush();
      east.getTransaction().commit();
    }
    assertThat(names(EAST)).containsExactly(own("a"), own("c"));
    assertThat(names(WEST)).containsExactly(own("b"));
  }

  @Twice
  void tasks_of_two_tenants_on_shared_threads(Pair pair) throws Exception {
    List<Future<?>> tasks = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      String tenant = i % 2 == 0 ? EAST : WEST;
      String name = own("task%02d".formatted(i));
      tasks.add(executor.submit(() -> add(tenant, name)));
    }
    pair.meet();
    for (Future<?> task : tasks) {
      task.get(30, TimeUnit.SECONDS);
    }
    assertThat(names(EAST)).hasSize(5).allMatch(name -> name.matches("task0[02468].*"));
    assertThat(names(WEST)).hasSize(5).allMatch(name -> name.matches("task0[13579].*"));
  }

  @Twice
  void a_connection_that_is_returned_leaves_its_schema_behind(Pair pair) throws Exception {
    add(EAST, own("a"));
    pair.meet();
    assertThat(jdbc.queryForObject("SELECT current_schema()", String.class)).isEqualTo("public");
    assertThat(jdbc.queryForObject("SELECT count(*) FROM name", Integer.class)).isZero();
  }

  @Twice
  void a_schema_stays_set_over_commits_and_rollbacks(Pair pair) throws Exception {
    try (Connection connection = dataSource.getConnection()) {
      connection.setSchema(EAST);
      connection.setAutoCommit(false);
      insert(connection, 1, own("a"));
      connection.commit();
      pair.meet();
      insert(connection, 2, own("b"));
      connection.rollback();
      insert(connection, 3, own("c"));
      connection.commit();
      assertThat(connection.getSchema()).isEqualTo(EAST);
      connection.setSchema(WEST);
      insert(connection, 4, own("d"));
      connection.commit();
    }
    assertThat(names(EAST)).containsExactly(own("a"), own("c"));
    assertThat(names(WEST)).containsExactly(own("d"));
  }

  @Twice
  void autocommit_statements_of_two_connections_in_turn(Pair pair) throws Exception {
    try (Connection east = dataSource.getConnection();
        Connection west = dataSource.getConnection()) {
      east.setSchema(EAST);
      west.setSchema(WEST);
      for (int i = 0; i < 3; i++) {
        insert(east, i, own("e" + i));
        insert(west, i, own("w" + i));
        pair.meet();
      }
    }
    assertThat(names(EAST)).containsExactly(own("e0"), own("e1"), own("e2"));
    assertThat(names(WEST)).containsExactly(own("w0"), own("w1"), own("w2"));
  }

  private static void insert(Connection connection, int id, String name) throws SQLException {
    try (var statement = connection.prepareStatement("INSERT INTO name VALUES (?, ?)")) {
      // Keys of two tests would wait for one another.
      statement.setLong(1, id + 1000L * name.hashCode());
      statement.setString(2, name);
      statement.executeUpdate();
    }
  }
}
