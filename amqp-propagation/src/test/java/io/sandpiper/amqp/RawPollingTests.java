package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Sandbox;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

class RawPollingTests extends PollingContract {

  private static final String EVERY_WAY_AND_MODE =
      """
      FACTORY, true
      FACTORY, false
      RECOVERING_FACTORY, true
      RECOVERING_FACTORY, false
      CONNECTION, true
      CONNECTION, false
      CHANNEL, true
      CHANNEL, false
      """;

  @ParameterizedTest
  @CsvSource(textBlock = EVERY_WAY_AND_MODE)
  void each_test_gets_its_own_and_has_it_in_its_mailbox(RawClient.Way way, boolean autoAck)
      throws Exception {
    Channel channel = client.open(way);
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1", "one 2");
    client.send(queue, two.id().value(), "two 1");
    client.send(queue, one.id().value(), "one 3");

    assertThat(get(two, channel, queue, autoAck)).isEqualTo("two 1");
    assertThat(get(two, channel, queue, autoAck)).isNull();
    assertThat(get(one, channel, queue, autoAck)).isEqualTo("one 1");
    assertThat(get(two, channel, queue, autoAck)).isNull();
    assertThat(get(one, channel, queue, autoAck)).isEqualTo("one 2");
    assertThat(get(one, channel, queue, autoAck)).isEqualTo("one 3");
    assertThat(get(one, channel, queue, autoAck)).isNull();

    RawClient.as(
        one,
        () -> {
          assertThat(assertReceive(received(queue), Duration.ZERO).text()).isEqualTo("one 1");
          assertThat(assertReceive(received(queue), Duration.ZERO).text()).isEqualTo("one 2");
          assertThat(assertReceive(received(queue), Duration.ZERO).text()).isEqualTo("one 3");
          refuteReceive(received(queue), Duration.ZERO);
        });
    RawClient.as(
        two,
        () -> assertThat(assertReceive(received(queue), Duration.ZERO).text()).isEqualTo("two 1"));
    channel.close();
    assertThat(client.ready(queue)).isZero();
  }

  @ParameterizedTest
  @CsvSource(textBlock = EVERY_WAY_AND_MODE)
  void ids_that_must_not_be_honoured_are_skipped(RawClient.Way way, boolean autoAck)
      throws Exception {
    Sandbox ended = RawClient.sandbox("T.ended");
    RawClient.end(ended);
    Channel channel = client.open(way);
    String queue = client.queue();
    client.send(queue, "sp1.not an id", "malformed");
    client.send(queue, "sp1.zzzzzz.000001.AAAAAAAAAAAAAAAA", "stray");
    client.send(queue, ended.id().value(), "late");
    client.send(queue, one.id().value(), "good");
    client.send(queue, ended.id().value(), "late too");

    assertThat(get(one, channel, queue, autoAck)).isEqualTo("good");
    assertThat(get(null, channel, queue, autoAck)).isNull();

    channel.close();
    assertThat(client.ready(queue)).isZero();
  }

  @ParameterizedTest
  @CsvSource(textBlock = EVERY_WAY_AND_MODE)
  void whoever_works_for_no_test_gets_what_comes_first(RawClient.Way way, boolean autoAck)
      throws Exception {
    Channel channel = client.open(way);
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1");
    client.send(queue, null, "nobody's");

    assertThat(get(null, channel, queue, autoAck)).isEqualTo("one 1");
    assertThat(get(null, channel, queue, autoAck)).isEqualTo("nobody's");
    assertThat(get(null, channel, queue, autoAck)).isNull();
    RawClient.as(one, () -> assertReceive(received(queue), Duration.ZERO));
  }

  @ParameterizedTest
  @EnumSource
  void what_is_kept_for_a_test_is_gone_with_it(RawClient.Way way) throws Exception {
    Channel channel = client.open(way);
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1");
    assertThat(get(two, channel, queue, true)).isNull();

    RawClient.end(one);

    assertThat(get(null, channel, queue, true)).isNull();
    assertThat(get(two, channel, queue, true)).isNull();
  }

  @Test
  void a_template_of_spring_polls_for_its_test() throws Exception {
    CachingConnectionFactory connections = new CachingConnectionFactory(client.factory());
    try {
      RabbitTemplate rabbit = new RabbitTemplate(AmqpPropagation.wrap(connections));
      String queue = client.queue();
      client.send(queue, one.id().value(), "one 1");
      client.send(queue, two.id().value(), "two 1");

      RawClient.as(two, () -> assertThat(text(rabbit.receive(queue))).isEqualTo("two 1"));
      RawClient.as(one, () -> assertThat(text(rabbit.receive(queue))).isEqualTo("one 1"));
      RawClient.as(one, () -> assertThat(rabbit.receive(queue)).isNull());
    } finally {
      connections.destroy();
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = EVERY_WAY_AND_MODE)
  void tests_that_poll_at_once_get_all_of_their_own_and_nothing_else(
      RawClient.Way way, boolean autoAck) throws Exception {
    String queue = client.queue();
    assertEachGetsItsOwn(queue, sandbox -> poller(sandbox, client.open(way), queue, autoAck));
  }

  private static Callable<List<String>> poller(
      Sandbox sandbox, Channel channel, String queue, boolean autoAck) {
    return () -> {
      List<String> got = new ArrayList<>();
      while (got.size() < MESSAGES && !Thread.interrupted()) {
        String text = get(sandbox, channel, queue, autoAck);
        if (text != null) {
          got.add(text);
        }
        if (ThreadLocalRandom.current().nextInt(4) == 0) {
          Thread.yield();
        }
      }
      return got;
    };
  }

  /** Gets, as the test of a sandbox or of none, and acknowledges. */
  private static @Nullable String get(
      @Nullable Sandbox sandbox, Channel channel, String queue, boolean autoAck) throws Exception {
    @Nullable String[] text = new String[1];
    RawClient.as(
        sandbox,
        () -> {
          GetResponse got = channel.basicGet(queue, autoAck);
          if (got != null) {
            text[0] = RawConsumerTests.text(got.getBody());
            if (!autoAck) {
              channel.basicAck(got.getEnvelope().getDeliveryTag(), false);
            }
          }
        });
    return text[0];
  }
}
