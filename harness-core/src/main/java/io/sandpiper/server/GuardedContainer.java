package io.sandpiper.server;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.DockerClientException;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.exception.NotFoundException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.ImageNameSubstitutor;

/**
 * A running container that is removed with this JVM, however the JVM ends.
 *
 * <p>Testcontainers' Ryuk sees to that where it is enabled. Where it is not, which is usual on
 * engines that refuse privileged containers, a watchdog does it with the {@code docker} command.
 *
 * @param <C> the kind of container
 */
public final class GuardedContainer<C extends GenericContainer<?>> implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(GuardedContainer.class);

  private static final String REMOVE = "docker -H \"$1\" rm -f -v \"$2\"";

  private static final Duration LONGEST_PULL = Duration.ofMinutes(5);

  private final C container;
  private final @Nullable Watchdog watchdog;

  private GuardedContainer(C container, @Nullable Watchdog watchdog) {
    this.container = container;
    this.watchdog = watchdog;
  }

  /**
   * Starts a container and waits until it is ready.
   *
   * @param image what it runs; pulled where the engine does not have it
   * @param create makes the container, not started
   * @throws IllegalStateException if the image cannot be had
   */
  public static <C extends GenericContainer<?>> GuardedContainer<C> start(
      DockerImageName image, Function<DockerImageName, C> create) {
    pullIfMissing(image);
    C container = create.apply(image);
    container.start();
    return new GuardedContainer<>(container, ryukIsDisabled() ? watch(container) : null);
  }

  /** The container, started. */
  public C container() {
    return container;
  }

  /** Stops and removes the container. */
  @Override
  public void close() {
    container.stop();
    if (watchdog != null) {
      watchdog.close();
    }
  }

  /** Testcontainers would repeat a pull that cannot succeed for minutes, such as one offline. */
  private static void pullIfMissing(DockerImageName image) {
    String name = ImageNameSubstitutor.instance().apply(image).asCanonicalNameString();
    DockerClient docker = DockerClientFactory.lazyClient();
    try {
      docker.inspectImageCmd(name).exec();
    } catch (NotFoundException missing) {
      pull(docker, name);
    }
  }

  private static void pull(DockerClient docker, String name) {
    log.info("Pulling {}", name);
    try {
      if (!docker
          .pullImageCmd(name)
          .start()
          .awaitCompletion(LONGEST_PULL.toSeconds(), TimeUnit.SECONDS)) {
        throw new IllegalStateException(
            "Image %s could not be pulled within %s".formatted(name, LONGEST_PULL));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while %s was pulled".formatted(name), e);
    } catch (DockerException | DockerClientException e) {
      throw new IllegalStateException(
          "Image %s could not be pulled: %s".formatted(name, e.getMessage()), e);
    }
  }

  private static boolean ryukIsDisabled() {
    return Boolean.parseBoolean(System.getenv("TESTCONTAINERS_RYUK_DISABLED"));
  }

  private static Watchdog watch(GenericContainer<?> container) {
    String engine = DockerClientFactory.instance().getTransportConfig().getDockerHost().toString();
    log.debug("Container {} is watched without Ryuk", container.getContainerId());
    return Watchdog.start(REMOVE, engine, container.getContainerId());
  }
}
