package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What publisher confirms tell of messages that are in transit. */
@Timeout(60)
class ConfirmsTests {

  private static final Duration DRAIN = Duration.ofSeconds(20);

  private final Run run = Run.create();
  private final AtomicLong next = new AtomicLong(1);
  private final Channel channel =
      (Channel)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {Channel.class},
              (self, method, args) ->
                  switch (method.getName()) {
                    case "getNextPublishSeqNo" -> next.get();
                    case "hashCode" -> 1;
                    case "equals" -> args != null && self == args[0];
                    default -> throw new UnsupportedOperationException(method.getName());
                  });
  private final Confirms confirms = new Confirms();

  private Sandbox open() {
    return run.open(Sandbox.Settings.of("T.sends", Isolation.NONE, this).withDrain(DRAIN));
  }

  /** The client numbers a message before it is sent. */
  private long number() {
    return next.getAndIncrement();
  }

  private static Publication publication(Sandbox sandbox, String messageId) {
    Hop hop =
        sandbox.sent(
            new Hop.Content(
                Hop.Direction.SENT,
                "queue",
                new Hop.Route("", "queue"),
                Map.of(),
                new byte[0],
                new Hop.Ids(null, messageId, null)),
            List.of("queue"),
            false);
    return new Publication(sandbox, hop, messageId, List.of("queue"), true);
  }

  private void assertGivenUp(Sandbox sandbox, String why) {
    assertThat(sandbox.journal().toString())
        .contains("in transit to queue queue was not " + why)
        .contains("it is not waited for");
    assertThatCode(() -> run.end(sandbox, null)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void what_the_broker_does_not_take_is_given_up(boolean multiple, boolean early) {
    Sandbox one = open();
    Sandbox two = open();
    confirms.opened(channel);
    number();
    confirms.sent(channel, publication(one, "first"));
    long second = number();
    Publication publication = publication(two, "second");
    if (early) {
      confirms.confirmed(channel, second, multiple, false);
      confirms.sent(channel, publication);
    } else {
      confirms.sent(channel, publication);
      confirms.confirmed(channel, second, multiple, false);
    }

    assertGivenUp(two, "taken by the broker");
    assertThat(one.journal().toString().contains("it is not waited for")).isEqualTo(multiple);
    confirms.confirmed(channel, 1, false, false);
    assertGivenUp(one, "taken by the broker");
  }

  @Test
  void what_was_confirmed_stays_in_transit() {
    Sandbox one = open();
    confirms.opened(channel);
    long first = number();
    confirms.sent(channel, publication(one, "first"));
    confirms.confirmed(channel, first, true, true);
    long second = number();
    confirms.confirmed(channel, second, false, true);
    confirms.sent(channel, publication(one, "second"));

    confirms.closed(channel, signal(false));

    assertThat(one.journal().toString()).doesNotContain("it is not waited for");
    one.notInTransit("first", "queue");
    one.notInTransit("second", "queue");
    assertThatCode(() -> run.end(one, null)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void what_was_not_confirmed_is_waited_for_only_where_the_application_has_closed_the_channel(
      boolean byApplication) {
    Sandbox one = open();
    confirms.opened(channel);
    number();
    confirms.sent(channel, publication(one, "first"));

    confirms.closed(channel, signal(byApplication));

    if (byApplication) {
      assertThat(one.journal().toString()).doesNotContain("it is not waited for");
      one.notInTransit("first", "queue");
      assertThatCode(() -> run.end(one, null)).doesNotThrowAnyException();
    } else {
      assertGivenUp(one, "confirmed by the broker (its connection was lost: 320 gone)");
    }
  }

  @Test
  void channels_without_confirms_are_left_alone() {
    Sandbox one = open();
    next.set(0);
    confirms.opened(channel);
    confirms.sent(channel, publication(one, "first"));

    confirms.closed(channel, signal(false));

    assertThat(one.journal().toString()).doesNotContain("it is not waited for");
    one.notInTransit("first", "queue");
    run.end(one, null);
  }

  private static ShutdownSignalException signal(boolean byApplication) {
    return new ShutdownSignalException(
        true,
        byApplication,
        new AMQP.Connection.Close.Builder().replyCode(320).replyText("gone").build(),
        null);
  }

  @Test
  @ExtendWith(NeedsRabbitMq.class)
  void a_message_that_a_full_queue_rejects_is_not_waited_for() throws Exception {
    TestBroker broker = new TestBroker();
    String queue = TestBroker.prefix() + "full";
    HeldDelivery first = new HeldDelivery();
    Sandbox one = open();
    Sandbox two = open();
    try (Connection outside = broker.plainFactory().newConnection();
        Connection connection = broker.factory(run).newConnection()) {
      Channel owner = outside.createChannel();
      // Of others: this JVM does not know that the queue takes two messages at most.
      owner.queueDeclare(
          queue, true, false, false, Map.of("x-max-length", 1, "x-overflow", "reject-publish"));
      Channel consumes = connection.createChannel();
      first.consume(consumes, queue);
      Channel publishes = connection.createChannel();
      publishes.confirmSelect();

      assertThat(send(publishes, queue, one)).isTrue();
      first.awaitHeld();
      List<Boolean> taken = new ArrayList<>();
      while (!taken.contains(false)) {
        taken.add(send(publishes, queue, two));
      }
      assertThat(two.journal().toString()).contains("was not taken by the broker");
      first.release();
      run.end(two, null);
      run.end(one, null);
      owner.queueDelete(queue);
    } finally {
      broker.close();
    }
  }

  private static boolean send(Channel channel, String queue, Sandbox sandbox) throws Exception {
    try (Scope scope = sandbox.test().bind()) {
      channel.basicPublish("", queue, null, "text".getBytes(StandardCharsets.UTF_8));
      return channel.waitForConfirms(30_000);
    }
  }
}
