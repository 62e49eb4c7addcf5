package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import com.p6spy.engine.spy.P6DataSource;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.jdbc.SandboxDataSource;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import net.ttddyy.dsproxy.support.ProxyDataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.core.PriorityOrdered;
import org.springframework.jdbc.datasource.AbstractDataSource;
import org.springframework.jdbc.datasource.DelegatingDataSource;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.datasource.LazyConnectionDataSourceProxy;
import org.springframework.jdbc.datasource.TransactionAwareDataSourceProxy;
import org.springframework.jdbc.datasource.UserCredentialsDataSourceAdapter;
import org.springframework.jdbc.datasource.lookup.AbstractRoutingDataSource;

/**
 * DataSources as applications put them together: whatever stands around a pool, all of it ends in
 * one sandbox.
 */
class DataSourceGraphTests {

  private static final ThreadLocal<String> TENANT = ThreadLocal.withInitial(() -> "red");

  private static TestDatabase red;
  private static TestDatabase blue;
  private static ExecutorService threads;

  @BeforeAll
  static void create_two_databases() throws SQLException {
    red = create("red");
    blue = create("blue");
    threads = Executors.newFixedThreadPool(2);
  }

  @AfterAll
  static void stop() {
    threads.shutdownNow();
  }

  @BeforeEach
  void nobody_leaves_rows() throws SQLException {
    assertThat(committed(red)).isZero();
    assertThat(committed(blue)).isZero();
  }

  private static TestDatabase create(String name) throws SQLException {
    TestDatabase database =
        Run.ofThisJvm()
            .shared(PostgresServer.class, () -> PostgresServer.start(System::getProperty))
            .createDatabase(name + "_" + UUID.randomUUID().toString().substring(0, 8));
    try (Connection connection = really(database);
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE row (id int); CREATE SCHEMA other;");
      statement.execute("CREATE TABLE other.row (id int)");
    }
    return database;
  }

  private static Connection really(TestDatabase database) throws SQLException {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }

  private static long committed(TestDatabase database) throws SQLException {
    try (Connection connection = really(database)) {
      return number(connection, "SELECT count(*) FROM row");
    }
  }

  private static HikariDataSource hikari(TestDatabase database) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.url());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(3);
    config.setMinimumIdle(0);
    HikariDataSource pool = new HikariDataSource();
    config.copyStateTo(pool);
    return pool;
  }

  private static PGSimpleDataSource simple(TestDatabase database) {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(database.url());
    source.setUser(database.user());
    source.setPassword(database.password());
    return source;
  }

  static class Pool {
    @Bean
    HikariDataSource dataSource() {
      return hikari(red);
    }
  }

  static class PoolOfDataSource {
    @Bean
    HikariDataSource dataSource() {
      HikariDataSource pool = new HikariDataSource();
      pool.setDataSource(simple(red));
      pool.setMinimumIdle(0);
      return pool;
    }
  }

  static class PoolOfDataSourceBean {
    @Bean
    PGSimpleDataSource source() {
      return simple(red);
    }

    @Bean
    HikariDataSource dataSource(PGSimpleDataSource source) {
      HikariDataSource pool = new HikariDataSource();
      pool.setDataSource(source);
      pool.setMinimumIdle(0);
      return pool;
    }
  }

  static class PoolOfDataSourceClass {
    @Bean
    HikariDataSource dataSource() {
      HikariDataSource pool = new HikariDataSource();
      pool.setDataSourceClassName(PGSimpleDataSource.class.getName());
      pool.addDataSourceProperty("url", red.url());
      pool.addDataSourceProperty("user", red.user());
      pool.addDataSourceProperty("password", red.password());
      pool.setMinimumIdle(0);
      return pool;
    }
  }

  static class Tomcat {
    @Bean
    org.apache.tomcat.jdbc.pool.DataSource dataSource() {
      var pool = new org.apache.tomcat.jdbc.pool.DataSource();
      pool.setDriverClassName("org.postgresql.Driver");
      pool.setUrl(red.url());
      pool.setUsername(red.user());
      pool.setPassword(red.password());
      pool.setInitialSize(0);
      return pool;
    }
  }

  static class Dbcp {
    @Bean
    BasicDataSource dataSource() {
      BasicDataSource pool = new BasicDataSource();
      pool.setUrl(red.url());
      pool.setUsername(red.user());
      pool.setPassword(red.password());
      pool.setDefaultAutoCommit(false);
      return pool;
    }
  }

  static class Unpooled {
    @Bean
    PGSimpleDataSource dataSource() {
      return simple(red);
    }
  }

  static class OfDriverManager {
    @Bean
    DataSource dataSource() {
      return new DriverManagerDataSource(red.url(), red.user(), red.password());
    }
  }

  static final class Sealed extends AbstractDataSource {
    private final TestDatabase database;

    Sealed(TestDatabase database) {
      this.database = database;
    }

    @Override
    public Connection getConnection() throws SQLException {
      return really(database);
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      return DriverManager.getConnection(database.url(), user, password);
    }
  }

  static class FinalClassWithoutUrl {
    @Bean
    DataSource dataSource() {
      return new Sealed(red);
    }
  }

  static class LazyOverBean {
    @Bean
    HikariDataSource pool() {
      return hikari(red);
    }

    @Bean
    DataSource dataSource(HikariDataSource pool) {
      return new LazyConnectionDataSourceProxy(pool);
    }
  }

  static class LazyOverPool {
    @Bean
    DataSource dataSource() {
      LazyConnectionDataSourceProxy lazy = new LazyConnectionDataSourceProxy();
      lazy.setTargetDataSource(hikari(red));
      lazy.setReadOnlyDataSource(hikari(red));
      return lazy;
    }
  }

  static class TransactionAware {
    @Bean
    DataSource dataSource() {
      return new TransactionAwareDataSourceProxy(new DelegatingDataSource(hikari(red)));
    }
  }

  static class OtherCredentials {
    @Bean
    DataSource dataSource() {
      UserCredentialsDataSourceAdapter adapter = new UserCredentialsDataSourceAdapter();
      adapter.setTargetDataSource(simple(red));
      adapter.setUsername(red.user());
      adapter.setPassword(red.password());
      return adapter;
    }
  }

  static class SpyOverBean {
    @Bean
    HikariDataSource pool() {
      return hikari(red);
    }

    @Bean
    DataSource dataSource(HikariDataSource pool) {
      return new P6DataSource(pool);
    }
  }

  static class SpyOverPool {
    @Bean
    DataSource dataSource() {
      return new P6DataSource(hikari(red));
    }
  }

  static class ProxyOverBean {
    @Bean
    HikariDataSource pool() {
      return hikari(red);
    }

    @Bean
    DataSource dataSource(HikariDataSource pool) {
      return new ProxyDataSource(new P6DataSource(pool));
    }
  }

  static class ProxyOverPool {
    @Bean
    DataSource dataSource() {
      return new ProxyDataSource(new P6DataSource(hikari(red)));
    }
  }

  private record Around(int getOrder) implements BeanPostProcessor, Ordered {
    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
      return bean instanceof DataSource pool ? new ProxyDataSource(pool) : bean;
    }
  }

  private static final class Before implements BeanPostProcessor, PriorityOrdered {
    @Override
    public int getOrder() {
      return 0;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
      return bean instanceof DataSource pool ? new P6DataSource(pool) : bean;
    }
  }

  static class ProxiedAfterwards {
    @Bean
    static BeanPostProcessor around() {
      return new Around(Ordered.LOWEST_PRECEDENCE);
    }

    @Bean
    DataSource dataSource() {
      return hikari(red);
    }
  }

  static class ProxiedBefore {
    @Bean
    static BeanPostProcessor before() {
      return new Before();
    }

    @Bean
    DataSource dataSource() {
      return hikari(red);
    }
  }

  static class ProxiedBeforeAndAfterwards extends ProxiedAfterwards {
    @Bean
    static BeanPostProcessor before() {
      return new Before();
    }
  }

  /** Its target cannot be replaced, and it says nothing about it. */
  static class BehindALambda {
    @Bean
    DataSource dataSource() {
      HikariDataSource pool = hikari(red);
      return (DataSource)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {DataSource.class},
              (self, method, args) -> {
                if (method.getName().equals("isWrapperFor")) {
                  return false;
                }
                try {
                  return method.invoke(pool, args);
                } catch (InvocationTargetException failed) {
                  throw failed.getCause();
                }
              });
    }
  }

  static class BehindALambdaOverBean {
    @Bean
    HikariDataSource pool() {
      return hikari(red);
    }

    @Bean
    DataSource dataSource(HikariDataSource pool) {
      return new BehindASupplier(pool::getConnection);
    }
  }

  static class BehindASupplier extends AbstractDataSource {
    private final Callable<Connection> supplier;

    BehindASupplier(Callable<Connection> supplier) {
      this.supplier = supplier;
    }

    @Override
    public Connection getConnection() throws SQLException {
      try {
        return supplier.call();
      } catch (SQLException failed) {
        throw failed;
      } catch (Exception failed) {
        throw new AssertionError(failed);
      }
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      return getConnection();
    }
  }

  static class Router extends AbstractRoutingDataSource {
    Router(DataSource red, DataSource blue) {
      setTargetDataSources(Map.of("red", red, "blue", blue));
      setDefaultTargetDataSource(red);
    }

    @Override
    protected Object determineCurrentLookupKey() {
      return TENANT.get();
    }
  }

  static class RouterOverBeans {
    @Bean
    HikariDataSource red() {
      return hikari(red);
    }

    @Bean
    HikariDataSource blue() {
      return hikari(blue);
    }

    @Bean
    DataSource dataSource(HikariDataSource red, HikariDataSource blue) {
      return new Router(red, blue);
    }
  }

  static class RouterOverPools {
    @Bean
    DataSource dataSource() {
      return new Router(hikari(red), new ProxyDataSource(hikari(blue)));
    }
  }

  static class LazyOverRouter {
    @Bean
    DataSource dataSource() {
      Router router = new Router(hikari(red), hikari(blue));
      router.afterPropertiesSet();
      return new LazyConnectionDataSourceProxy(router);
    }
  }

  /** A router of the application's own making. */
  static class OwnRouter extends AbstractDataSource {
    private final Map<String, DataSource> pools;

    OwnRouter(Map<String, DataSource> pools) {
      this.pools = pools;
    }

    @Override
    public Connection getConnection() throws SQLException {
      return pool().getConnection();
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      return pool().getConnection(user, password);
    }

    private DataSource pool() {
      return Objects.requireNonNull(pools.get(TENANT.get()));
    }
  }

  static class OwnRouterOverPools {
    @Bean
    DataSource dataSource() {
      return new OwnRouter(Map.of("red", hikari(red), "blue", hikari(blue)));
    }
  }

  static class OwnRouterOverBeans {
    @Bean
    HikariDataSource red() {
      return hikari(red);
    }

    @Bean
    HikariDataSource blue() {
      return hikari(blue);
    }

    @Bean
    DataSource dataSource(HikariDataSource red, HikariDataSource blue) {
      return new OwnRouter(Map.of("red", red, "blue", blue));
    }
  }

  /** A router whose targets nobody can see. */
  static class HiddenRouter {
    @Bean
    DataSource dataSource() {
      HikariDataSource one = hikari(red);
      HikariDataSource other = hikari(blue);
      return new BehindASupplier(() -> (TENANT.get().equals("red") ? one : other).getConnection());
    }
  }

  private static ApplicationContextRunner contexts(Class<?> configuration) {
    return new ApplicationContextRunner()
        .withConfiguration(AutoConfigurations.of(SandpiperAutoConfiguration.class))
        .withUserConfiguration(configuration)
        .withPropertyValues("sandpiper.enabled=true");
  }

  private static DataSource running(ApplicationContext context) {
    context.getBean(ContextPhase.class).running();
    return context.getBean("dataSource", DataSource.class);
  }

  private static Sandbox open(String name) {
    return Run.ofThisJvm().open(Sandbox.Settings.of(name, Isolation.TRANSACTION, new Object()));
  }

  private static void end(Sandbox sandbox) {
    Run.ofThisJvm().end(sandbox, null);
  }

  /** As work of a sandbox, on one of two threads that all sandboxes share. */
  private static <T extends @Nullable Object> Future<T> in(
      Sandbox sandbox, String tenant, Callable<T> action) {
    return threads.submit(
        () -> {
          TENANT.set(tenant);
          try (Scope scope = sandbox.test().bind()) {
            return action.call();
          }
        });
  }

  private static long number(Connection connection, String query) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(query)) {
      row.next();
      return row.getLong(1);
    }
  }

  private static long ask(DataSource dataSource, String query) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      return number(connection, query);
    }
  }

  private static @Nullable Void insert(DataSource dataSource) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        Statement statement = connection.createStatement()) {
      if (!connection.getAutoCommit()) {
        statement.execute("INSERT INTO row VALUES (1)");
        connection.commit();
      } else {
        statement.execute("INSERT INTO row VALUES (1)");
      }
    }
    return null;
  }

  @SafeVarargs
  private static <T extends @Nullable Object> List<T> all(Future<T>... futures) throws Exception {
    List<T> results = new ArrayList<>();
    for (Future<T> future : futures) {
      results.add(future.get(30, TimeUnit.SECONDS));
    }
    return results;
  }

  private static final String ROWS = "SELECT count(*) FROM row";
  private static final String BACKEND = "SELECT pg_backend_pid()";

  @ParameterizedTest
  @ValueSource(
      classes = {
        Pool.class,
        PoolOfDataSource.class,
        PoolOfDataSourceBean.class,
        PoolOfDataSourceClass.class,
        Tomcat.class,
        Dbcp.class,
        Unpooled.class,
        OfDriverManager.class,
        FinalClassWithoutUrl.class,
        LazyOverBean.class,
        LazyOverPool.class,
        TransactionAware.class,
        OtherCredentials.class,
        SpyOverBean.class,
        SpyOverPool.class,
        ProxyOverBean.class,
        ProxyOverPool.class,
        ProxiedAfterwards.class,
        ProxiedBefore.class,
        ProxiedBeforeAndAfterwards.class,
        BehindALambda.class,
        BehindALambdaOverBean.class,
        RouterOverBeans.class,
        RouterOverPools.class,
        LazyOverRouter.class,
        OwnRouterOverPools.class,
        OwnRouterOverBeans.class,
        HiddenRouter.class
      })
  void each_sandbox_has_one_connection_and_sees_its_own_rows_only(Class<?> configuration) {
    contexts(configuration)
        .run(
            context -> {
              DataSource dataSource = running(context);
              Sandbox one = open("G.one");
              Sandbox other = open("G.other");
              try {
                for (int i = 0; i < 3; i++) {
                  all(
                      in(one, "red", () -> insert(dataSource)),
                      in(other, "red", () -> insert(dataSource)),
                      in(one, "red", () -> insert(dataSource)));
                }
                assertThat(
                        all(
                            in(one, "red", () -> ask(dataSource, ROWS)),
                            in(other, "red", () -> ask(dataSource, ROWS))))
                    .containsExactly(6L, 3L);
                List<Long> backends =
                    all(
                        in(one, "red", () -> ask(dataSource, BACKEND)),
                        in(other, "red", () -> ask(dataSource, BACKEND)),
                        in(one, "red", () -> ask(dataSource, BACKEND)),
                        in(other, "red", () -> ask(dataSource, BACKEND)));
                assertThat(backends.subList(0, 2)).isEqualTo(backends.subList(2, 4));
                assertThat(backends.subList(0, 2)).doesNotHaveDuplicates();
              } finally {
                end(one);
                end(other);
              }
              assertThat(committed(red)).isZero();
              assertThat(outside(dataSource, "SELECT count(*) FROM row")).isZero();
            });
  }

  private static long outside(DataSource dataSource, String query) throws Exception {
    return Sandbox.outside(() -> ask(dataSource, query));
  }

  @ParameterizedTest
  @ValueSource(
      classes = {
        RouterOverBeans.class,
        RouterOverPools.class,
        LazyOverRouter.class,
        OwnRouterOverPools.class,
        OwnRouterOverBeans.class,
        HiddenRouter.class
      })
  void a_router_leads_each_tenant_to_its_database(Class<?> configuration) {
    contexts(configuration)
        .run(
            context -> {
              DataSource dataSource = running(context);
              String database =
                  "SELECT count(*) FROM pg_database"
                      + " WHERE datname = current_database() AND datname LIKE 'blue%'";
              Sandbox one = open("G.one");
              Sandbox other = open("G.other");
              try {
                all(
                    in(one, "red", () -> insert(dataSource)),
                    in(other, "blue", () -> insert(dataSource)),
                    in(other, "blue", () -> insert(dataSource)),
                    in(other, "red", () -> insert(dataSource)));
                assertThat(
                        all(
                            in(one, "red", () -> ask(dataSource, database)),
                            in(one, "blue", () -> ask(dataSource, database)),
                            in(one, "red", () -> ask(dataSource, ROWS)),
                            in(one, "blue", () -> ask(dataSource, ROWS)),
                            in(other, "red", () -> ask(dataSource, ROWS)),
                            in(other, "blue", () -> ask(dataSource, ROWS))))
                    .containsExactly(0L, 1L, 1L, 0L, 1L, 2L);
              } finally {
                end(one);
                end(other);
              }
              assertThat(committed(red)).isZero();
              assertThat(committed(blue)).isZero();
            });
  }

  static class TwoBeans {
    @Bean
    HikariDataSource dataSource() {
      return hikari(red);
    }

    @Bean
    DataSource sameWrittenOtherwise() {
      HikariDataSource pool = hikari(red);
      pool.setJdbcUrl(
          red.url().replace("localhost", "127.0.0.1")
              + (red.url().contains("?") ? "&" : "?")
              + "user="
              + red.user());
      pool.setUsername(null);
      return new P6DataSource(pool);
    }

    @Bean
    PGSimpleDataSource sameOfAnotherMake() {
      return simple(red);
    }

    @Bean
    HikariDataSource otherSchema() {
      HikariDataSource pool = hikari(red);
      pool.setSchema("other");
      return pool;
    }
  }

  @Test
  void beans_that_lead_to_one_database_share_the_connection_and_other_schemas_do_not() {
    contexts(TwoBeans.class)
        .run(
            context -> {
              DataSource dataSource = running(context);
              DataSource otherwise = context.getBean("sameWrittenOtherwise", DataSource.class);
              DataSource otherMake = context.getBean(PGSimpleDataSource.class);
              DataSource otherSchema = context.getBean("otherSchema", DataSource.class);
              Sandbox one = open("G.one");
              Sandbox other = open("G.other");
              try {
                all(
                    in(one, "red", () -> insert(otherwise)),
                    in(other, "red", () -> insert(otherSchema)),
                    in(one, "red", () -> insert(dataSource)));
                assertThat(
                        all(
                            in(one, "red", () -> ask(dataSource, ROWS)),
                            in(one, "red", () -> ask(otherwise, ROWS)),
                            in(one, "red", () -> ask(otherMake, ROWS)),
                            in(one, "red", () -> ask(otherSchema, ROWS)),
                            in(other, "red", () -> ask(otherSchema, ROWS)),
                            in(other, "red", () -> ask(otherMake, ROWS))))
                    .containsExactly(2L, 2L, 2L, 0L, 1L, 0L);
                assertThat(
                        all(
                            in(one, "red", () -> ask(dataSource, BACKEND)),
                            in(one, "red", () -> ask(otherwise, BACKEND)),
                            in(one, "red", () -> ask(otherMake, BACKEND))))
                    .containsOnly(in(one, "red", () -> ask(dataSource, BACKEND)).get());
              } finally {
                end(one);
                end(other);
              }
            });
  }

  @Test
  void spring_boots_lazy_connections_work() {
    new ApplicationContextRunner()
        .withConfiguration(
            AutoConfigurations.of(
                SandpiperAutoConfiguration.class, DataSourceAutoConfiguration.class))
        .withPropertyValues(
            "sandpiper.enabled=true",
            "spring.datasource.connection-fetch=lazy",
            "spring.datasource.url=" + red.url(),
            "spring.datasource.username=" + red.user(),
            "spring.datasource.password=" + red.password())
        .run(
            context -> {
              DataSource dataSource = running(context);
              assertThat(dataSource).isInstanceOf(LazyConnectionDataSourceProxy.class);
              assertThat(dataSource.unwrap(HikariDataSource.class))
                  .isExactlyInstanceOf(HikariDataSource.class);
              Sandbox one = open("G.one");
              Sandbox other = open("G.other");
              try {
                all(
                    in(one, "red", () -> insert(dataSource)),
                    in(other, "red", () -> insert(dataSource)),
                    in(other, "red", () -> insert(dataSource)));
                assertThat(
                        all(
                            in(one, "red", () -> ask(dataSource, ROWS)),
                            in(other, "red", () -> ask(dataSource, ROWS))))
                    .containsExactly(1L, 2L);
              } finally {
                end(one);
                end(other);
              }
            });
  }

  @Test
  void beans_keep_their_class_and_unwrap() {
    contexts(Tomcat.class)
        .run(
            context -> {
              var pool = context.getBean(org.apache.tomcat.jdbc.pool.DataSource.class);
              assertThat(pool.isWrapperFor(SandboxDataSource.class)).isTrue();
              assertThat(pool.unwrap(org.apache.tomcat.jdbc.pool.DataSource.class))
                  .isExactlyInstanceOf(org.apache.tomcat.jdbc.pool.DataSource.class);
            });
    contexts(SpyOverPool.class)
        .run(
            context -> {
              DataSource spy = context.getBean(DataSource.class);
              assertThat(spy).isExactlyInstanceOf(P6DataSource.class);
              assertThat(spy.isWrapperFor(SandboxDataSource.class)).isTrue();
              assertThat(spy.unwrap(HikariDataSource.class))
                  .isExactlyInstanceOf(HikariDataSource.class);
            });
    contexts(OtherCredentials.class)
        .run(
            context ->
                assertThat(context.getBean(DataSource.class))
                    .isExactlyInstanceOf(UserCredentialsDataSourceAdapter.class));
  }
}
