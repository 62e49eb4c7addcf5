package io.sandpiper.amqp;

import java.io.IOException;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A broker that is stopped and started again at its address: the RabbitMQ of SANDPIPER_RABBIT_URL
 * where SANDPIPER_RABBITMQCTL is a command that leads to it, otherwise an embedded one, which keeps
 * nothing.
 */
final class RestartableBroker implements AutoCloseable {

  private static final String NAME = "restarted";

  private final @Nullable String control = System.getenv("SANDPIPER_RABBITMQCTL");
  private final String password = UUID.randomUUID().toString();
  private final VirtualHost virtualHost;
  private @Nullable EmbeddedBroker embedded;

  RestartableBroker() {
    if (!isRabbit() && "required".equals(System.getProperty("amqp.rabbitmq"))) {
      throw new IllegalStateException("-Damqp.rabbitmq=required needs SANDPIPER_RABBITMQCTL");
    }
    if (isRabbit()) {
      virtualHost = VirtualHost.parse(System.getenv("SANDPIPER_RABBIT_URL"));
    } else {
      EmbeddedBroker first = EmbeddedBroker.start(0, password);
      embedded = first;
      virtualHost = first.createVirtualHost(NAME);
    }
  }

  /** Whether it is RabbitMQ: what is durable there survives. */
  boolean isRabbit() {
    return control != null;
  }

  String uri() {
    return virtualHost.uri();
  }

  void stop() {
    if (isRabbit()) {
      control("stop_app");
    } else if (embedded != null) {
      embedded.close();
      embedded = null;
    }
  }

  void start() {
    if (isRabbit()) {
      control("start_app");
    } else if (embedded == null) {
      EmbeddedBroker next = EmbeddedBroker.start(virtualHost.port(), password);
      next.createVirtualHost(NAME);
      embedded = next;
    }
  }

  private void control(String command) {
    try {
      Process process =
          new ProcessBuilder(String.valueOf(control), command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      if (!process.waitFor(90, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IllegalStateException("%s %s did not succeed".formatted(control, command));
      }
    } catch (IOException failed) {
      throw new IllegalStateException("%s %s failed".formatted(control, command), failed);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(command + " was interrupted", stopped);
    }
  }

  /** RabbitMQ is left running for others. */
  @Override
  public void close() {
    if (isRabbit()) {
      start();
    } else {
      stop();
    }
  }
}
