package io.sandpiper.server;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.testcontainers.postgresql.PostgreSQLContainer;
import org.testcontainers.utility.DockerImageName;

/** A PostgreSQL server in a container. */
final class PostgresContainer implements PostgresSource {

  // Beside the places where images of different versions declare volumes.
  private static final String DATA_IN_MEMORY = "/sandpiper";

  private final GuardedContainer<PostgreSQLContainer> container;

  private PostgresContainer(GuardedContainer<PostgreSQLContainer> container) {
    this.container = container;
  }

  static PostgresContainer start(String image, Map<String, String> configuration) {
    DockerImageName name = DockerImageName.parse(image).asCompatibleSubstituteFor("postgres");
    PostgreSQLContainer container =
        new PostgreSQLContainer(name)
            .withUsername("postgres")
            .withPassword(newPassword())
            .withDatabaseName("postgres")
            .withTmpFs(Map.of(DATA_IN_MEMORY, "rw,mode=1777"))
            .withEnv("PGDATA", DATA_IN_MEMORY + "/data");
    container.setCommand(command(configuration));
    return new PostgresContainer(GuardedContainer.start(container));
  }

  @Override
  public boolean ours() {
    return true;
  }

  @Override
  public TestDatabase database() {
    PostgreSQLContainer running = container.container();
    return new TestDatabase(running.getJdbcUrl(), running.getUsername(), running.getPassword());
  }

  @Override
  public String describe(String version) {
    return "PostgreSQL %s in a container of %s on port %d"
        .formatted(
            version,
            container.container().getDockerImageName(),
            container.container().getMappedPort(PostgreSQLContainer.POSTGRESQL_PORT));
  }

  @Override
  public void close() {
    container.close();
  }

  /** Not a constant: Docker publishes the port on every interface of the machine. */
  private static String newPassword() {
    byte[] bytes = new byte[16];
    new SecureRandom().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  private static String[] command(Map<String, String> configuration) {
    List<String> command = new ArrayList<>(List.of("postgres"));
    configuration.forEach(
        (name, value) -> {
          command.add("-c");
          command.add(name + "=" + value);
        });
    return command.toArray(String[]::new);
  }
}
