package io.sandpiper.amqp;

import io.sandpiper.server.GuardedContainer;
import java.io.IOException;
import java.util.Arrays;
import java.util.UUID;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.rabbitmq.RabbitMQContainer;
import org.testcontainers.utility.DockerImageName;

/** RabbitMQ in a container. */
record BrokerContainer(GuardedContainer<RabbitMQContainer> guarded) implements BrokerSource {

  static BrokerContainer start(String image) {
    DockerImageName name = DockerImageName.parse(image).asCompatibleSubstituteFor("rabbitmq");
    return new BrokerContainer(GuardedContainer.start(name, BrokerContainer::container));
  }

  @Override
  public boolean ours() {
    return true;
  }

  @Override
  public VirtualHost createVirtualHost(String name) {
    RabbitMQContainer rabbit = guarded.container();
    control("add_vhost", name);
    control("set_permissions", "-p", name, rabbit.getAdminUsername(), ".*", ".*", ".*");
    return new VirtualHost(
        rabbit.getHost(),
        rabbit.getAmqpPort(),
        rabbit.getAdminUsername(),
        rabbit.getAdminPassword(),
        name,
        false);
  }

  @Override
  public String description() {
    return "RabbitMQ in a container of %s on port %d"
        .formatted(guarded.container().getDockerImageName(), guarded.container().getAmqpPort());
  }

  @Override
  public void close() {
    guarded.close();
  }

  private static RabbitMQContainer container(DockerImageName image) {
    // Not the usual password: Docker publishes the port on every interface of the machine.
    return new RabbitMQContainer(image)
        .withAdminUser("sandpiper")
        .withAdminPassword(UUID.randomUUID().toString());
  }

  private void control(String... arguments) {
    String[] command = new String[arguments.length + 1];
    command[0] = "rabbitmqctl";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    ExecResult result = execute(command);
    if (result.getExitCode() != 0) {
      throw new IllegalStateException(
          "%s failed in %s with exit code %d: %s"
              .formatted(
                  Arrays.toString(command),
                  description(),
                  result.getExitCode(),
                  result.getStderr().strip()));
    }
  }

  private ExecResult execute(String... command) {
    try {
      return guarded.container().execInContainer(command);
    } catch (IOException e) {
      throw new IllegalStateException("%s does not answer".formatted(description()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(
          "Interrupted while %s was set up".formatted(description()), e);
    }
  }
}
