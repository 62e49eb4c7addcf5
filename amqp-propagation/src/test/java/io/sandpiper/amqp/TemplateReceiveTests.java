package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Sandbox;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.ConsumeOkNotReceivedException;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

/** Templates of Spring that wait for a message on a queue that several tests share. */
class TemplateReceiveTests extends PollingContract {

  private static final int LONG = 30_000;

  private CachingConnectionFactory connections;
  private RabbitTemplate rabbit;

  /** How an application asks for a message. */
  enum Way {
    RECEIVE {
      @Override
      @Nullable String receive(RabbitTemplate rabbit, String queue, int timeout) {
        return text(rabbit.receive(queue, timeout));
      }
    },
    RECEIVE_TRANSACTED {
      @Override
      @Nullable String receive(RabbitTemplate rabbit, String queue, int timeout) {
        RabbitTemplate transacted = new RabbitTemplate(rabbit.getConnectionFactory());
        transacted.setChannelTransacted(true);
        return text(transacted.receive(queue, timeout));
      }
    },
    RECEIVE_AND_CONVERT {
      @Override
      @Nullable String receive(RabbitTemplate rabbit, String queue, int timeout) {
        Object converted = rabbit.receiveAndConvert(queue, timeout);
        return converted == null ? null : RawConsumerTests.text((byte[]) converted);
      }
    },
    RECEIVE_AND_REPLY {
      @Override
      @Nullable String receive(RabbitTemplate rabbit, String queue, int timeout) {
        RabbitTemplate replying = new RabbitTemplate(rabbit.getConnectionFactory());
        replying.setReceiveTimeout(timeout);
        List<String> texts = new ArrayList<>();
        boolean received =
            replying.<byte[], byte[]>receiveAndReply(
                queue,
                body -> {
                  texts.add(RawConsumerTests.text(body));
                  return body;
                },
                "",
                "nobody's queue");
        return received ? texts.get(0) : null;
      }
    };

    abstract @Nullable String receive(RabbitTemplate rabbit, String queue, int timeout);
  }

  @BeforeAll
  void connect() throws Exception {
    connections = new CachingConnectionFactory(client.factory());
    rabbit = new RabbitTemplate(AmqpPropagation.wrap(connections));
  }

  @AfterAll
  void disconnect() {
    connections.destroy();
  }

  @ParameterizedTest
  @EnumSource
  void each_test_gets_its_own_and_has_it_in_its_mailbox(Way way) throws Exception {
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1", "one 2");
    client.send(queue, two.id().value(), "two 1");

    assertThat(receive(two, way, queue, LONG)).isEqualTo("two 1");
    assertThat(receive(two, way, queue, 200)).isNull();
    assertThat(receive(one, way, queue, LONG)).isEqualTo("one 1");
    assertThat(receive(one, way, queue, LONG)).isEqualTo("one 2");
    assertThat(receive(one, way, queue, 200)).isNull();

    RawClient.as(
        one,
        () -> {
          assertThat(assertReceive(received(queue), Duration.ZERO).text()).isEqualTo("one 1");
          assertThat(assertReceive(received(queue), Duration.ZERO).text()).isEqualTo("one 2");
          refuteReceive(received(queue), Duration.ZERO);
        });
    RawClient.as(
        two,
        () -> {
          assertThat(assertReceive(received(queue), Duration.ZERO).text()).isEqualTo("two 1");
          refuteReceive(received(queue), Duration.ZERO);
        });
    connections.resetConnection();
    assertThat(client.ready(queue)).isZero();
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      // What such a channel gives back, its broker keeps until the transaction ends.
      names = "RECEIVE_TRANSACTED")
  void tests_that_wait_at_once_get_all_of_their_own_and_nothing_else(Way way) throws Exception {
    String queue = client.queue();
    assertEachGetsItsOwn(queue, sandbox -> receiver(sandbox, way, queue));
  }

  private Callable<List<String>> receiver(Sandbox sandbox, Way way, String queue) {
    return () -> {
      List<String> got = new ArrayList<>();
      for (int i = 0; i < MESSAGES; i++) {
        got.add(String.valueOf(receive(sandbox, way, queue, LONG)));
      }
      return got;
    };
  }

  @Test
  void a_message_without_an_id_is_the_waiting_test_s() throws Exception {
    String queue = client.queue();
    client.send(queue, null, "nobody's");

    assertThat(receive(one, Way.RECEIVE, queue, LONG)).isEqualTo("nobody's");
    RawClient.as(one, () -> assertReceive(received(queue), Duration.ZERO));
  }

  @Test
  void whoever_works_for_no_test_gets_what_comes_first() throws Exception {
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1");

    assertThat(receive(null, Way.RECEIVE, queue, LONG)).isEqualTo("one 1");
  }

  @Test
  void what_came_to_another_test_without_waiting_is_still_found() throws Exception {
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1", "one 2");
    RawClient.as(two, () -> assertThat(rabbit.receive(queue)).isNull());
    assertThat(client.ready(queue)).isZero();

    RawClient.as(
        one,
        () -> {
          Message message = Objects.requireNonNull(rabbit.receive(queue, LONG));
          MessageProperties properties = message.getMessageProperties();
          assertThat(text(message)).isEqualTo("one 1");
          assertThat(properties.getHeaders()).containsOnlyKeys("x-test-id");
          assertThat(properties.getReceivedRoutingKey()).isEqualTo(queue);
          assertThat(text(rabbit.receive(queue, LONG))).isEqualTo("one 2");
        });
  }

  @Test
  void a_message_that_comes_behind_others_while_a_test_waits_is_found() throws Exception {
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1");
    ExecutorService pool = Executors.newSingleThreadExecutor();
    try {
      Future<@Nullable String> waiting = pool.submit(() -> receive(two, Way.RECEIVE, queue, LONG));
      // It has been given what is at the head of the queue, and has left it there.
      await().pollInSameThread().until(() -> wasDelivered(queue));
      client.send(queue, two.id().value(), "two 1");

      assertThat(waiting.get(60, TimeUnit.SECONDS)).isEqualTo("two 1");
    } finally {
      pool.shutdownNow();
    }
    assertThat(receive(one, Way.RECEIVE, queue, LONG)).isEqualTo("one 1");
  }

  /** Giving up closes the channel, and nothing may be asked on it then. */
  @Test
  void giving_up_while_the_queue_is_searched_leaves_the_connection_open() throws Exception {
    String queue = client.queue();
    client.send(queue, one.id().value(), "one 1");
    Connection before = connections.createConnection().getDelegate();
    ExecutorService pool = Executors.newFixedThreadPool(TESTS);
    try {
      List<Future<List<@Nullable String>>> all = new ArrayList<>();
      for (int i = 0; i < TESTS; i++) {
        all.add(
            pool.submit(
                () -> {
                  List<@Nullable String> got = new ArrayList<>();
                  for (int timeout = 30; timeout < 70; timeout++) {
                    got.add(receiveOrGiveUp(queue, timeout));
                  }
                  return got;
                }));
      }
      for (Future<List<@Nullable String>> each : all) {
        assertThat(each.get(60, TimeUnit.SECONDS)).containsOnlyNulls();
      }
    } finally {
      pool.shutdownNow();
    }
    assertThat(connections.createConnection().getDelegate()).isSameAs(before);
    assertThat(receive(one, Way.RECEIVE, queue, LONG)).isEqualTo("one 1");
  }

  private @Nullable String receiveOrGiveUp(String queue, int timeout) throws Exception {
    try {
      return receive(two, Way.RECEIVE, queue, timeout);
    } catch (ConsumeOkNotReceivedException tooShort) {
      // Spring gives up so where the broker has not even said in time that it delivers.
      return null;
    }
  }

  private boolean wasDelivered(String queue) throws Exception {
    try (Channel channel = client.outside()) {
      GetResponse head = channel.basicGet(queue, false);
      // Closing the channel gives it back.
      return head != null && head.getEnvelope().isRedeliver();
    }
  }

  private @Nullable String receive(@Nullable Sandbox sandbox, Way way, String queue, int timeout)
      throws Exception {
    @Nullable String[] text = new String[1];
    RawClient.as(sandbox, () -> text[0] = way.receive(rabbit, queue, timeout));
    return text[0];
  }
}
