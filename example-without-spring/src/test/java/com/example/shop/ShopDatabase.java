package com.example.shop;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.jdbc.SandboxDataSource;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/** One server and one database for all test classes of this JVM, with which it ends. */
final class ShopDatabase {

  static final DataSource POOL = start();

  private ShopDatabase() {}

  private static DataSource start() {
    TestDatabase database = PostgresServer.start(System::getProperty).createDatabase("shop");
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.url());
    config.setUsername(database.user());
    config.setPassword(database.password());
    DataSource pool = new HikariDataSource(config);
    createTables(pool); // before it is wrapped: what is done here stays, for all tests
    return SandboxDataSource.wrap(pool);
  }

  private static void createTables(DataSource pool) {
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE orders (id bigserial PRIMARY KEY, item text, confirmed bool DEFAULT false)");
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
