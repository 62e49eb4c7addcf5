package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.CancelCallback;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.ConsumerShutdownSignalCallback;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.DeliverCallback;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.ExceptionHandler;
import com.rabbitmq.client.impl.DefaultExceptionHandler;
import io.sandpiper.Attribution;
import io.sandpiper.Refusal;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.Work;
import io.sandpiper.jdbc.SandboxDataSource;
import io.sandpiper.jdbc.Unowned;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.postgresql.ds.PGSimpleDataSource;

@Sandboxed
class RawConsumerTests extends WithRawClient {

  @ParameterizedTest
  @EnumSource
  void every_form_of_basicConsume_runs_in_the_scope_of_each_message(
      RawClient.Way way, Sandbox sandbox) throws Exception {
    Channel channel = client.open(way);
    List<Method> forms =
        Arrays.stream(Channel.class.getMethods())
            .filter(method -> method.getName().equals("basicConsume"))
            .toList();
    assertThat(forms.size()).isGreaterThanOrEqualTo(20);
    for (Method form : forms) {
      String queue = client.queue();
      List<String> handled = new CopyOnWriteArrayList<>();

      String tag = (String) form.invoke(channel, arguments(form, queue, handled));

      assertThat(Consumers.of(Run.ofThisJvm()).consumes(client.key(), queue)).isTrue();
      client.send(queue, sandbox.id().value(), "a text");
      assertThat(assertReceive(received(queue)).attribution()).isEqualTo(Attribution.OWN_HEADER);
      assertThat(handled).as("%s", form).containsExactly("a text of " + sandbox);
      channel.basicCancel(Objects.requireNonNull(tag));
      assertEventually(
          () -> assertThat(Consumers.of(Run.ofThisJvm()).consumes(client.key(), queue)).isFalse());
    }
  }

  private static @Nullable Object[] arguments(Method form, String queue, List<String> handled) {
    DeliverCallback deliver =
        (tag, delivery) -> handled.add(text(delivery.getBody()) + " of " + scope());
    @Nullable Object[] arguments =
        Arrays.stream(form.getParameterTypes()).map(type -> argument(type, deliver)).toArray();
    arguments[0] = queue;
    return arguments;
  }

  private static Object argument(Class<?> type, DeliverCallback deliver) {
    if (type == boolean.class) {
      return false;
    }
    if (type == Map.class) {
      return Map.of();
    }
    if (type == CancelCallback.class) {
      return (CancelCallback) tag -> {};
    }
    if (type == ConsumerShutdownSignalCallback.class) {
      return (ConsumerShutdownSignalCallback) (tag, signal) -> {};
    }
    if (type == DeliverCallback.class) {
      return deliver;
    }
    return type == String.class
        ? "tag-" + UUID.randomUUID()
        : new CallbackConsumer(deliver, null, null);
  }

  @ParameterizedTest
  @CsvSource({
    "FACTORY, true",
    "FACTORY, false",
    "RECOVERING_FACTORY, false",
    "CONNECTION, true",
    "CONNECTION, false",
    "CHANNEL, false"
  })
  void ids_that_must_not_be_honoured_never_reach_the_callback_and_do_not_come_again(
      RawClient.Way way, boolean autoAck, Sandbox sandbox) throws Exception {
    String valid = sandbox.id().value();
    Sandbox ended = RawClient.sandbox("T.ended");
    RawClient.end(ended);
    Run run = Run.ofThisJvm();
    long before = refusals(run);
    Channel channel = client.open(way);
    channel.basicQos(1);
    String queue = client.queue();
    List<String> handled = new CopyOnWriteArrayList<>();

    channel.basicConsume(queue, autoAck, handling(channel, autoAck, handled));
    client.send(queue, "sp1.not an id", "malformed");
    client.send(
        queue,
        valid.substring(0, valid.length() - 1) + (valid.endsWith("A") ? "B" : "A"),
        "forged");
    client.send(queue, "sp1.zzzzzz.000001.AAAAAAAAAAAAAAAA", "stray");
    client.send(queue, ended.id().value(), "late");
    client.send(queue, valid, "good");

    assertReceive(received(queue));
    assertThat(handled).containsExactly("good");
    assertThat(refusals(run)).isGreaterThanOrEqualTo(before + 4);
    channel.close();
    assertThat(client.ready(queue)).isZero();
  }

  private static long refusals(Run run) {
    return Arrays.stream(Refusal.Reason.values()).mapToLong(run::refusals).sum();
  }

  private static DefaultConsumer handling(Channel channel, boolean autoAck, List<String> handled) {
    return new DefaultConsumer(channel) {
      @Override
      public void handleDelivery(
          String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body)
          throws IOException {
        handled.add(text(body));
        if (!autoAck) {
          getChannel().basicAck(envelope.getDeliveryTag(), false);
        }
      }
    };
  }

  @ParameterizedTest
  @EnumSource
  void without_an_id_a_message_is_handled_as_in_production(RawClient.Way way) throws Exception {
    Channel channel = client.open(way);
    String queue = client.queue();
    List<String> handled = new CopyOnWriteArrayList<>();
    channel.basicConsume(queue, true, (tag, delivery) -> handled.add("of " + scope()), tag -> {});

    client.send(queue, null, "a text");

    assertEventually(() -> assertThat(handled).containsExactly("of nobody"));
  }

  @ParameterizedTest
  @EnumSource
  void what_the_callback_throws_goes_to_the_exception_handler_and_fails_the_assertion(
      RawClient.Way way, Sandbox sandbox) throws Exception {
    List<Throwable> thrown = new CopyOnWriteArrayList<>();
    Channel channel = client.open(way, factory -> factory.setExceptionHandler(recording(thrown)));
    String queue = client.queue();
    IllegalArgumentException failure = new IllegalArgumentException("cannot handle it");
    channel.basicConsume(
        queue,
        true,
        (tag, delivery) -> {
          throw failure;
        },
        tag -> {});

    client.send(queue, sandbox.id().value(), "a text");

    assertThatThrownBy(() -> assertReceive(received(queue)))
        .hasMessageContaining("its handler failed")
        .hasRootCause(failure);
    assertEventually(() -> assertThat(thrown).containsExactly(failure));
    assertThat(channel.isOpen()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "FACTORY, false",
    "FACTORY, true",
    "RECOVERING_FACTORY, true",
    "CONNECTION, true",
    "CHANNEL, false"
  })
  void database_access_without_an_id_is_acknowledged_and_not_thrown_on(
      RawClient.Way way, boolean acknowledgesItself) throws Exception {
    SandboxDataSource database =
        SandboxDataSource.wrap(
            new PGSimpleDataSource(), Unowned.REFUSE, () -> false, setting -> null);
    List<Throwable> thrown = new CopyOnWriteArrayList<>();
    Channel channel = client.open(way);
    String queue = client.queue();
    AtomicInteger calls = new AtomicInteger();
    channel.basicQos(1);
    channel.basicConsume(
        queue,
        (tag, delivery) -> {
          calls.incrementAndGet();
          if (acknowledgesItself) {
            channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
          }
          try (Connection connection = database.getConnection();
              Statement statement = connection.createStatement()) {
            statement.execute("SELECT 1");
          } catch (SQLException refused) {
            thrown.add(refused);
            throw new IllegalStateException(refused);
          }
        },
        tag -> {});

    client.send(queue, null, "one", "two", "three", "four");

    // With a prefetch of 1 the fourth comes when the others are acknowledged, once each.
    assertEventually(() -> assertThat(thrown).hasSize(4));
    assertThat(thrown)
        .allSatisfy(refusal -> assertThat(refusal).hasMessageContaining("works for no test"));
    assertThat(channel.isOpen()).isTrue();
    channel.close();
    assertThat(client.ready(queue)).isLessThanOrEqualTo(1);
    assertThat(calls).hasValue(4);
  }

  @ParameterizedTest
  @EnumSource
  void collectors_of_the_application_are_still_called(RawClient.Way way, Sandbox sandbox)
      throws Exception {
    Collectors collectors = new Collectors();
    Channel channel =
        client.open(
            way,
            factory -> {
              factory.setMetricsCollector(collectors.metrics());
              factory.setObservationCollector(collectors.observations());
            });
    String queue = client.queue();
    List<String> handled = new CopyOnWriteArrayList<>();
    channel.basicPublish("", queue, null, "a text".getBytes(StandardCharsets.UTF_8));
    channel.basicConsume(queue, false, handling(channel, false, handled));
    assertReceive(received(queue));
    channel.basicGet(queue, true);

    assertThat(handled).containsExactly("a text");
    assertThat(collectors.calls())
        .contains(
            "newConnection",
            "newChannel",
            "publish",
            "basicPublish",
            "basicConsume",
            "consumedMessage",
            "basicAck",
            "basicGet")
        .filteredOn(call -> call.equals("publish") || call.equals("basicGet"))
        .hasSize(2);
    assertThat(sandbox).isEqualTo(Sandbox.current());
  }

  @Test
  void a_metrics_collector_that_is_set_after_wrapping_is_named_and_wrapping_again_mends_it(
      Sandbox sandbox) throws Exception {
    Collectors collectors = new Collectors();
    List<Throwable> thrown = new CopyOnWriteArrayList<>();
    ConnectionFactory factory = AmqpPropagation.wrap(client.factory());
    factory.setExceptionHandler(recording(thrown));
    factory.setMetricsCollector(collectors.metrics());
    List<String> handled = new CopyOnWriteArrayList<>();
    String queue = client.queue();
    Channel channel = client.connect(factory).createChannel();
    channel.basicConsume(queue, true, handling(channel, true, handled));
    client.send(queue, sandbox.id().value(), "lost");

    assertEventually(() -> assertThat(thrown).hasSize(1));
    assertThat(thrown.get(0))
        .hasMessageContaining(queue)
        .hasMessageContaining("given another MetricsCollector after it had been wrapped");

    Channel mended = client.connect(AmqpPropagation.wrap(factory)).createChannel();
    channel.close();
    mended.basicConsume(queue, true, handling(mended, true, handled));
    client.send(queue, sandbox.id().value(), "a text");

    assertReceive(received(queue));
    assertThat(handled).containsExactly("a text");
    assertThat(collectors.calls()).contains("basicConsume");
  }

  private static ExceptionHandler recording(List<Throwable> thrown) {
    return new DefaultExceptionHandler() {
      @Override
      public void handleConsumerException(
          Channel on,
          Throwable exception,
          com.rabbitmq.client.Consumer consumer,
          String tag,
          String method) {
        thrown.add(exception);
      }
    };
  }

  static String scope() {
    Work work = Work.current();
    return work == null ? "nobody" : work.sandbox().toString();
  }

  static String text(byte[] body) {
    return new String(body, StandardCharsets.UTF_8);
  }
}
