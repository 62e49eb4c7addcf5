package io.sandpiper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.WaitContainerResultCallback;
import com.github.dockerjava.api.model.Container;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.testcontainers.DockerClientFactory;

/** Needs a Docker engine, and fails without one; {@code sandpiper.database.image} is passed on. */
@Tag("containers")
class PostgresContainerTests {

  @Test
  void databases_are_made_in_a_container_that_is_tuned_for_tests() throws SQLException {
    try (PostgresServer server = PostgresServer.start(settings("container")::get)) {
      TestDatabase first = server.createDatabase("first");
      TestDatabase second = server.createDatabase("second");

      assertThat(server.ours()).isTrue();
      assertThat(server.description())
          .matches("PostgreSQL \\S+ in a container of \\S+ on port \\d+");
      assertThat(query(first, "SELECT current_database()")).isEqualTo("first");
      assertThat(query(second, "SELECT current_database()")).isEqualTo("second");
      assertThat(query(first, "SHOW max_connections")).isEqualTo("500");
    }
  }

  @Test
  void a_killed_jvm_leaves_no_container() throws Exception {
    DockerClient docker = DockerClientFactory.lazyClient();
    try (ServerJvm jvm = ServerJvm.start(settings("container"))) {
      Container container = publishing(port(jvm.database()));

      jvm.kill();

      docker
          .waitContainerCmd(container.getId())
          .exec(new WaitContainerResultCallback())
          .awaitStatusCode(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void the_embedded_server_stands_in_for_an_image_that_is_not_there() {
    Map<String, String> settings = settings("auto");
    settings.put("sandpiper.database.image", "localhost:1/nowhere/postgres:none");

    try (PostgresServer server = PostgresServer.start(settings::get)) {
      assertThat(server.description()).startsWith("embedded PostgreSQL");
    }
  }

  @Test
  void a_forced_image_that_is_not_there_is_an_error_that_names_it() {
    Map<String, String> settings = settings("container");
    settings.put("sandpiper.database.image", "localhost:1/nowhere/postgres:none");

    assertThatThrownBy(() -> PostgresServer.start(settings::get))
        .hasMessageContaining("localhost:1/nowhere/postgres:none");
  }

  private static Map<String, String> settings(String kind) {
    Map<String, String> settings = new HashMap<>();
    settings.put("sandpiper.database.server", kind);
    String image = System.getProperty("sandpiper.database.image");
    if (image != null) {
      settings.put("sandpiper.database.image", image);
    }
    return settings;
  }

  private static int port(TestDatabase database) {
    return Integer.parseInt(database.url().replaceFirst(".*:(\\d+)/.*", "$1"));
  }

  private static Container publishing(int port) {
    return DockerClientFactory.lazyClient().listContainersCmd().exec().stream()
        .filter(
            container ->
                Arrays.stream(container.getPorts())
                    .anyMatch(published -> Objects.equals(published.getPublicPort(), port)))
        .findFirst()
        .orElseThrow();
  }

  private static String query(TestDatabase database, String sql) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(database.url(), database.user(), database.password());
        Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      assertThat(result.next()).isTrue();
      return result.getString(1);
    }
  }
}
