package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Needs a Docker engine, and fails without one; {@code sandpiper.rabbit.image} is passed on. */
@Tag("containers")
class BrokerContainerTests {

  @Test
  void virtual_hosts_in_a_container_do_not_see_each_others_messages() throws Exception {
    try (BrokerServer server = BrokerServer.start(settings()::get)) {
      try (Connection first = connect(server.createVirtualHost("first"));
          Connection second = connect(server.createVirtualHost("second"));
          Channel one = first.createChannel();
          Channel two = second.createChannel()) {
        one.queueDeclare("jobs", true, false, false, null);
        two.queueDeclare("jobs", true, false, false, null);
        one.confirmSelect();
        one.basicPublish("", "jobs", null, "for the first".getBytes(StandardCharsets.UTF_8));
        one.waitForConfirmsOrDie(30_000);

        assertThat(two.basicGet("jobs", true)).isNull();
        assertThat(one.basicGet("jobs", true).getBody()).asString().isEqualTo("for the first");
      }

      assertThat(server.ours()).isTrue();
      assertThat(server.description()).matches("RabbitMQ in a container of \\S+ on port \\d+");
      assertThatIllegalStateException()
          .isThrownBy(() -> server.createVirtualHost("--no-such-option"))
          .withMessageContainingAll("rabbitmqctl", "--no-such-option", "exit code");
    }
  }

  private static Map<String, String> settings() {
    Map<String, String> settings = new HashMap<>();
    settings.put("sandpiper.rabbit.server", "container");
    String image = System.getProperty("sandpiper.rabbit.image");
    if (image != null) {
      settings.put("sandpiper.rabbit.image", image);
    }
    return settings;
  }

  private static Connection connect(VirtualHost virtualHost) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(virtualHost.uri());
    return factory.newConnection();
  }
}
