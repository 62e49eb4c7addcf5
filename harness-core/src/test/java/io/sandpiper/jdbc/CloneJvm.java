package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.server.TestDatabase;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.concurrent.TimeUnit;

/** A JVM of its own with an open sandbox of isolation DATABASE, for tests to end or to kill. */
final class CloneJvm implements AutoCloseable {

  private static final String ANSWER = "works on ";

  private final Process process;
  private final String database;

  private CloneJvm(Process process, String database) {
    this.process = process;
    this.database = database;
  }

  public static void main(String... arguments) throws Exception {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(arguments[0]);
    config.setUsername(arguments[1]);
    config.setPassword(arguments[2]);
    config.setMaximumPoolSize(2);
    Run run = Run.create();
    try (HikariDataSource pool = new HikariDataSource(config);
        SandboxDataSource dataSource = SandboxDataSource.wrap(pool)) {
      Sandbox sandbox =
          run.open(Sandbox.Settings.of("Other.test", Isolation.DATABASE, CloneJvm.class));
      try (Scope scope = sandbox.test().bind();
          Connection connection = dataSource.getConnection()) {
        JdbcFixture.insert(connection, 1);
      }
      System.out.println(ANSWER + dataSource.databaseName(sandbox));
      new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII)).readLine();
      run.end(sandbox, null);
    }
  }

  static CloneJvm start(TestDatabase database) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                CloneJvm.class.getName(),
                database.url(),
                database.user(),
                database.password())
            .redirectError(Redirect.INHERIT)
            .start();
    BufferedReader output = process.inputReader();
    String line = output.readLine();
    while (line != null && !line.startsWith(ANSWER)) {
      line = output.readLine();
    }
    if (line == null) {
      throw new IOException("The JVM ended without a database");
    }
    return new CloneJvm(process, line.substring(ANSWER.length()));
  }

  /** The database of its test. */
  String database() {
    return database;
  }

  /** Lets it end its test and exit. */
  void end() throws IOException, InterruptedException {
    process.getOutputStream().close();
    if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new IOException("The JVM did not end in order");
    }
  }

  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}
