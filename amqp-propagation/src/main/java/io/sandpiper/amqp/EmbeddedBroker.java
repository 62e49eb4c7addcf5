package io.sandpiper.amqp;

import java.net.URL;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.apache.qpid.server.SystemLauncher;
import org.apache.qpid.server.SystemLauncherListener.DefaultSystemLauncherListener;
import org.apache.qpid.server.configuration.CommonProperties;
import org.apache.qpid.server.logging.NullMessageLogger;
import org.apache.qpid.server.model.AuthenticationProvider;
import org.apache.qpid.server.model.Broker;
import org.apache.qpid.server.model.ConfiguredObject;
import org.apache.qpid.server.model.PasswordCredentialManagingAuthenticationProvider;
import org.apache.qpid.server.model.Port;
import org.apache.qpid.server.model.SystemConfig;
import org.apache.qpid.server.model.VirtualHostNode;
import org.jspecify.annotations.Nullable;

/**
 * Apache Qpid Broker-J in this JVM, which stands in for RabbitMQ where Docker is not there.
 *
 * <p>Nothing of it is on disk. It speaks AMQP 0-9-1 with RabbitMQ's publisher confirms and direct
 * reply-to, and has neither dead-lettering nor quorum queues: what a queue asks of these is ignored
 * with a warning, so that an application that declares them starts.
 */
final class EmbeddedBroker implements BrokerSource {

  private static final String HOST = "127.0.0.1";
  private static final String USER = "sandpiper";
  private static final String MEMORY = "Memory";

  /**
   * As much as RabbitMQ allows by default, and threads for a test run instead of a data centre. A
   * message that is rejected and not requeued is gone, instead of being offered to other consumers.
   * What the broker does at intervals it does once more when it is closed, which waits for it.
   */
  private static final Map<String, String> CONTEXT =
      Map.ofEntries(
          Map.entry("queue.behaviourOnUnknownDeclareArgument", "LOG"),
          Map.entry("exchange.behaviourOnUnknownDeclareArgument", "LOG"),
          Map.entry("queue.maximumDeliveryAttempts", "1"),
          Map.entry("qpid.compact_memory_interval", "50"),
          Map.entry("qpid.port.sessionCountLimit", "2047"),
          Map.entry("qpid.port.heartbeatDelay", "60"),
          Map.entry("qpid.port.amqp.threadPool.size", "4"),
          Map.entry("virtualhost.connectionThreadPool.size", "4"),
          Map.entry("virtualhost.connectionThreadPool.numberOfSelectors", "1"),
          Map.entry("virtualhost.housekeepingThreadCount", "1"),
          Map.entry("broker.housekeepingThreadCount", "1"));

  private final SystemLauncher launcher;
  private final Broker<?> broker;
  private final Port<?> port;
  private final String password;

  private EmbeddedBroker(SystemLauncher launcher, Broker<?> broker, String password) {
    this.launcher = launcher;
    this.broker = broker;
    this.password = password;
    this.port = only(broker.getChildren(Port.class));
    addUser();
  }

  static EmbeddedBroker start() {
    return start(0, UUID.randomUUID().toString());
  }

  /**
   * Starts it at an address that is known beforehand, as one that is started again has.
   *
   * @param port its port, or 0 for a free one
   */
  static EmbeddedBroker start(int port, String password) {
    Startup startup = new Startup();
    SystemLauncher launcher = new SystemLauncher(startup);
    try {
      launcher.startup(attributes(port));
      return new EmbeddedBroker(launcher, startup.broker(), password);
    } catch (Exception e) {
      launcher.shutdown();
      throw new IllegalStateException(
          "The embedded broker could not be started: %s. Otherwise start Docker, or set sandpiper.rabbit.url to a broker"
              .formatted(e),
          e);
    }
  }

  @Override
  public boolean ours() {
    return true;
  }

  @Override
  public VirtualHost createVirtualHost(String name) {
    try {
      broker.createChild(
          VirtualHostNode.class,
          Map.of(
              ConfiguredObject.NAME, name,
              ConfiguredObject.TYPE, MEMORY,
              VirtualHostNode.VIRTUALHOST_INITIAL_CONFIGURATION, "{\"type\": \"Memory\"}"));
    } catch (RuntimeException e) {
      throw new IllegalStateException(
          "Virtual host \"%s\" could not be made on %s: %s"
              .formatted(name, description(), e.getMessage()),
          e);
    }
    return new VirtualHost(HOST, port.getBoundPort(), USER, password, name, false);
  }

  @Override
  public String description() {
    return "embedded Apache Qpid Broker-J %s on port %d, in place of RabbitMQ"
        .formatted(CommonProperties.getReleaseVersion(), port.getBoundPort());
  }

  @Override
  public void close() {
    launcher.shutdown();
  }

  private static Map<String, Object> attributes(int port) {
    Map<String, String> context = new HashMap<>(CONTEXT);
    context.put("sandpiper.port", String.valueOf(port));
    URL initial = EmbeddedBroker.class.getResource("embedded-broker.json");
    return Map.of(
        SystemConfig.TYPE,
        MEMORY,
        SystemConfig.INITIAL_CONFIGURATION_LOCATION,
        Objects.requireNonNull(initial).toString(),
        SystemConfig.STARTUP_LOGGED_TO_SYSTEM_OUT,
        false,
        SystemConfig.CONTEXT,
        context);
  }

  private void addUser() {
    AuthenticationProvider<?> users = only(broker.getChildren(AuthenticationProvider.class));
    ((PasswordCredentialManagingAuthenticationProvider<?>) users)
        .createUser(USER, password, Map.of());
  }

  private static <T> T only(Collection<T> children) {
    return children.iterator().next();
  }

  /** Keeps what the launcher would only log: the broker it made, or why it made none. */
  private static final class Startup extends DefaultSystemLauncherListener {

    private @Nullable Broker<?> broker;
    private @Nullable RuntimeException failure;

    /** Silences the log of operations, which has a line for every connection and queue. */
    @Override
    public void onContainerResolve(SystemConfig<?> system) {
      system.getEventLogger().setMessageLogger(new NullMessageLogger());
      broker = system.getContainer(Broker.class);
    }

    @Override
    public void errorOnStartup(RuntimeException e) {
      failure = e;
    }

    Broker<?> broker() {
      if (failure != null) {
        throw failure;
      }
      return Objects.requireNonNull(broker, "the launcher made no broker");
    }
  }
}
