package io.sandpiper.server;

import java.io.IOException;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.utility.TestcontainersConfiguration;

/**
 * The Docker engine of this machine, if it has one.
 *
 * <p>Testcontainers, asked on a machine without an engine, logs errors and takes its time. So the
 * places where it would look are looked at first, and it is asked only where somebody may answer.
 */
final class DockerEngine {

  private static final Logger log = LoggerFactory.getLogger(DockerEngine.class);

  private DockerEngine() {}

  /** Whether containers can be started. */
  static boolean answers() {
    return mayAnswer() && DockerClientFactory.instance().isDockerAvailable();
  }

  private static boolean mayAnswer() {
    Optional<String> named =
        Optional.ofNullable(
            TestcontainersConfiguration.getInstance().getEnvVarOrUserProperty("docker.host", null));
    return named
        .map(DockerEngine::isNotADeadSocket)
        .orElseGet(() -> usualSockets().anyMatch(DockerEngine::accepts));
  }

  private static boolean isNotADeadSocket(String host) {
    return !host.startsWith("unix:") || accepts(Path.of(URI.create(host).getPath()));
  }

  private static Stream<Path> usualSockets() {
    Path docker = Path.of(System.getProperty("user.home"), ".docker");
    return Stream.concat(
        Stream.of(
            Path.of("/var/run/docker.sock"),
            docker.resolve("run/docker.sock"),
            docker.resolve("desktop/docker.sock"),
            Path.of("//./pipe/docker_engine")),
        Stream.ofNullable(System.getenv("XDG_RUNTIME_DIR"))
            .map(directory -> Path.of(directory, "docker.sock")));
  }

  /** Connects, because the file of a socket outlives its server, and may be closed to this user. */
  private static boolean accepts(Path socket) {
    if (!Files.exists(socket)) {
      return false;
    }
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      return channel.isConnected();
    } catch (IOException e) {
      log.debug("No Docker engine answers on {}", socket, e);
      return false;
    }
  }
}
