package io.sandpiper.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
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
    return new PostgresContainer(
        GuardedContainer.start(name, pulled -> container(pulled, configuration)));
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

  private static PostgreSQLContainer container(
      DockerImageName image, Map<String, String> configuration) {
    PostgreSQLContainer container =
        new PostgreSQLContainer(image)
            .withUsername("postgres")
            // Not the usual one: Docker publishes the port on every interface of the machine.
            .withPassword(UUID.randomUUID().toString())
            .withDatabaseName("postgres")
            .withTmpFs(Map.of(DATA_IN_MEMORY, "rw,mode=1777"))
            .withEnv("PGDATA", DATA_IN_MEMORY + "/data");
    container.setCommand(command(configuration));
    return container;
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
