package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Run;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ForwardingTests {

  private final Run run = Run.create();

  @Test
  void a_message_that_cannot_be_forwarded_goes_back_to_its_queue() throws Exception {
    String queue = "forwarding-" + UUID.randomUUID();
    try (TestBroker broker = new TestBroker()) {
      broker.declareQueue(queue);
      ConnectionFactory narrow = new ConnectionFactory();
      narrow.setUri(broker.virtualHost().uri());
      // No channel is left for what is forwarded.
      narrow.setRequestedChannelMax(1);
      try (Connection connection = narrow.newConnection()) {
        Channel channel = Objects.requireNonNull(connection.createChannel());
        channel.basicPublish("", queue, null, "kept".getBytes(StandardCharsets.UTF_8));
        GetResponse got = await().until(() -> channel.basicGet(queue, false), Objects::nonNull);
        Original message = Original.of(queue, got.getEnvelope(), got.getProps(), got.getBody());

        assertThatThrownBy(
                () ->
                    new Forwarding(run)
                        .forward(message, message.onward(), "sandpiper.home.other", channel))
            .isInstanceOf(NotForwardedException.class)
            .hasMessageContainingAll("of queue " + queue, "sandpiper.home.other", "again");

        assertThat(channel.isOpen()).isFalse();
        await().until(() -> broker.messageCount(queue) == 1);
      }
      broker.deleteQueue(queue);
    }
  }

  @Test
  void what_the_broker_would_act_upon_is_kept_in_one_header() {
    AMQP.BasicProperties sent =
        new AMQP.BasicProperties.Builder()
            .headers(Map.of("CC", List.of("other"), "x-delay", 5, "x-own", "stays"))
            .expiration("10")
            .userId("somebody")
            .timestamp(new Date(0))
            .build();
    Original original = new Original("queue", "exchange", "key", true, sent, new byte[] {1}, null);

    AMQP.BasicProperties published = PutBackHeader.propertiesOf(original, original.onward());

    assertThat(published.getHeaders()).containsOnlyKeys("x-own", PutBackHeader.NAME);
    assertThat(published.getExpiration()).isNull();
    assertThat(published.getUserId()).isNull();
    Original restored =
        Original.of(
            "home",
            new com.rabbitmq.client.Envelope(7, false, "", "home"),
            published,
            original.body());
    assertThat(restored.queue()).isEqualTo("queue");
    assertThat(restored.envelope(7))
        .hasToString(new com.rabbitmq.client.Envelope(7, true, "exchange", "key").toString());
    assertThat(restored.properties()).isEqualTo(sent);
    assertThat(restored.hops()).isEqualTo(1);
  }

  @Test
  void what_the_broker_has_written_on_its_way_between_homes_is_taken_out() {
    AMQP.BasicProperties sent =
        new AMQP.BasicProperties.Builder()
            .headers(Map.of("x-own", "stays", "x-first-death-queue", "of the application"))
            .build();
    Original original = new Original("queue", "exchange", "key", false, sent, new byte[] {1}, null);
    AMQP.BasicProperties published = PutBackHeader.propertiesOf(original, original.again(false));
    Map<String, Object> expired = new HashMap<>(published.getHeaders());
    expired.put("x-death", List.of(Map.of("queue", "sandpiper.home.run.context.queue")));
    expired.put("x-first-death-queue", "sandpiper.home.run.context.queue");
    expired.put("x-last-death-reason", "expired");

    Original restored =
        Original.of(
            "sandpiper.home.run",
            new com.rabbitmq.client.Envelope(1, false, "", "sandpiper.home.run"),
            published.builder().headers(expired).build(),
            original.body());

    assertThat(restored.properties()).isEqualTo(sent);
  }

  @Test
  void properties_without_headers_stay_without() {
    Original original =
        new Original("queue", "", "queue", false, new AMQP.BasicProperties(), new byte[0], null);

    Original restored =
        Original.of(
            "queue",
            new com.rabbitmq.client.Envelope(1, false, "", "queue"),
            PutBackHeader.propertiesOf(original, original.again(true)),
            original.body());

    assertThat(restored.properties().getHeaders()).isNull();
    assertThat(restored.redelivered()).isFalse();
  }
}
