package io.sandpiper.server;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;

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

  private final C container;
  private final @Nullable Watchdog watchdog;

  private GuardedContainer(C container, @Nullable Watchdog watchdog) {
    this.container = container;
    this.watchdog = watchdog;
  }

  /** Starts a container and waits until it is ready. */
  public static <C extends GenericContainer<?>> GuardedContainer<C> start(C container) {
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

  private static boolean ryukIsDisabled() {
    return Boolean.parseBoolean(System.getenv("TESTCONTAINERS_RYUK_DISABLED"));
  }

  private static Watchdog watch(GenericContainer<?> container) {
    String engine = DockerClientFactory.instance().getTransportConfig().getDockerHost().toString();
    log.debug("Container {} is watched without Ryuk", container.getContainerId());
    return Watchdog.start(REMOVE, engine, container.getContainerId());
  }
}
