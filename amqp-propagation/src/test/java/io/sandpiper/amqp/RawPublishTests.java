package io.sandpiper.amqp;

import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.impl.LongStringHelper;
import io.sandpiper.Hop;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Sandboxed
class RawPublishTests extends WithRawClient {

  @ParameterizedTest
  @EnumSource
  void every_form_of_basicPublish_is_stamped_once(RawClient.Way way, Sandbox sandbox)
      throws Exception {
    Channel channel = client.open(way);
    List<Method> forms =
        Arrays.stream(Channel.class.getMethods())
            .filter(method -> method.getName().equals("basicPublish"))
            .toList();
    assertThat(forms).hasSizeGreaterThanOrEqualTo(3);
    for (Method form : forms) {
      String queue = client.queue();

      form.invoke(channel, arguments(form, queue));

      GetResponse got = get(queue);
      assertThat(got.getBody()).as("%s", form).isEqualTo(bytes("a text"));
      assertThat(header(got, "x-test-id")).isEqualTo(sandbox.id().value());
      assertThat(header(got, "baggage")).isEqualTo("test.id=" + sandbox.id().value());
      assertThat(got.getProps().getMessageId()).isNotNull();
      Hop hop = assertReceive(sent(queue), Duration.ZERO);
      assertThat(hop.text()).isEqualTo("a text");
      assertThat(hop.messageId()).isEqualTo(got.getProps().getMessageId());
      refuteReceive(sent(queue), Duration.ZERO);
    }
  }

  private static @Nullable Object[] arguments(Method form, String queue) {
    @Nullable Object[] arguments =
        Arrays.stream(form.getParameterTypes()).map(RawPublishTests::argument).toArray();
    arguments[1] = queue;
    return arguments;
  }

  private static @Nullable Object argument(Class<?> type) {
    if (type == boolean.class) {
      return false;
    }
    if (type == byte[].class) {
      return bytes("a text");
    }
    if (type == ByteBuffer.class) {
      return ByteBuffer.wrap(bytes("a text"));
    }
    return type == String.class ? "" : null;
  }

  @ParameterizedTest
  @EnumSource
  void headers_and_properties_of_the_application_stay(RawClient.Way way, Sandbox sandbox)
      throws Exception {
    Channel channel = client.open(way);
    String queue = client.queue();
    LongString baggage = LongStringHelper.asLongString("user=me,test.id=sp1.somebody.elses.0");
    AMQP.BasicProperties properties =
        new AMQP.BasicProperties.Builder()
            .headers(Map.of("baggage", baggage, "mine", LongStringHelper.asLongString("1")))
            .correlationId("order-1")
            .messageId("message-1")
            .priority(3)
            .build();

    channel.basicPublish("", queue, properties, bytes("a text"));

    GetResponse got = get(queue);
    assertThat(header(got, "baggage")).isEqualTo("user=me,test.id=" + sandbox.id().value());
    assertThat(header(got, "mine")).isEqualTo("1");
    assertThat(got.getProps().getCorrelationId()).isEqualTo("order-1");
    assertThat(got.getProps().getMessageId()).isEqualTo("message-1");
    assertThat(got.getProps().getPriority()).isEqualTo(3);
    assertThat(properties.getHeaders()).hasSize(2).containsEntry("baggage", baggage);
  }

  @ParameterizedTest
  @EnumSource
  void outside_a_sandbox_a_message_is_as_it_was(RawClient.Way way) throws Exception {
    Channel channel = client.open(way);
    String queue = client.queue();

    RawClient.as(null, () -> channel.basicPublish("", queue, null, bytes("a text")));

    GetResponse got = get(queue);
    assertThat(got.getProps().getHeaders()).isNullOrEmpty();
    assertThat(got.getProps().getMessageId()).isNull();
  }

  @ParameterizedTest
  @EnumSource
  void a_publish_that_fails_is_not_outstanding(RawClient.Way way) throws Exception {
    Channel channel = client.open(way);
    channel.close();

    assertThatThrownBy(() -> channel.basicPublish("", "anywhere", null, bytes("a text")))
        .isInstanceOf(AlreadyClosedException.class);

    assertThatThrownBy(() -> assertReceive(sent("nowhere"), Duration.ZERO))
        .hasMessageContaining("could not send anywhere")
        .hasMessageNotContaining("Outstanding");
  }

  @Test
  void a_wrapped_connection_of_a_wrapped_factory_stamps_once() throws Exception {
    ConnectionFactory factory = AmqpPropagation.wrap(AmqpPropagation.wrap(client.factory()));
    com.rabbitmq.client.Connection connection = client.connect(factory);
    String queue = client.queue();

    assertThat(AmqpPropagation.wrap(connection)).isSameAs(connection);
    Channel channel = connection.createChannel();
    assertThat(AmqpPropagation.wrap(channel)).isSameAs(channel);
    channel.basicPublish("", queue, null, bytes("a text"));

    assertReceive(sent(queue), Duration.ZERO);
    refuteReceive(sent(queue), Duration.ZERO);
  }

  @Test
  void wrapping_twice_is_wrapping_once_and_unwrap_gives_the_original() throws Exception {
    com.rabbitmq.client.Connection connection = client.connect(client.factory());
    com.rabbitmq.client.Connection wrapped = AmqpPropagation.wrap(connection);
    Channel channel = wrapped.createChannel();

    assertThat(AmqpPropagation.wrap(wrapped)).isSameAs(wrapped);
    assertThat(AmqpPropagation.wrap(channel)).isSameAs(channel);
    assertThat(AmqpPropagation.unwrap(wrapped)).isSameAs(connection);
    assertThat(AmqpPropagation.unwrap(connection)).isSameAs(connection);
    assertThat(wrapped).isEqualTo(AmqpPropagation.wrap(connection)).hasSameHashCodeAs(connection);
    assertThat(AmqpPropagation.unwrap(channel))
        .isInstanceOf(com.rabbitmq.client.impl.ChannelN.class);
    assertThat(AmqpPropagation.unwrap(channel.getConnection())).isSameAs(connection);
    assertThat(AmqpPropagation.unwrap(wrapped.openChannel().orElseThrow()))
        .isInstanceOf(com.rabbitmq.client.impl.ChannelN.class);
  }

  @Test
  void an_unwrapped_factory_has_its_own_collectors_again() throws Exception {
    Collectors collectors = new Collectors();
    ConnectionFactory factory = client.factory();
    factory.setMetricsCollector(collectors.metrics());
    factory.setObservationCollector(collectors.observations());

    assertThat(AmqpPropagation.unwrap(AmqpPropagation.wrap(factory))).isSameAs(factory);

    assertThat(factory.getMetricsCollector()).isSameAs(collectors.metrics());
    String queue = client.queue();
    client.connect(factory).createChannel().basicPublish("", queue, null, bytes("a text"));
    refuteReceive(sent(queue), Duration.ZERO);
    assertThat(collectors.calls()).contains("publish", "basicPublish");
  }

  private GetResponse get(String queue) throws Exception {
    return Objects.requireNonNull(awaitMessage(queue));
  }

  private @Nullable GetResponse awaitMessage(String queue) throws Exception {
    try (Channel channel = client.outside()) {
      GetResponse[] got = new GetResponse[1];
      RawClient.as(
          null,
          () ->
              org.awaitility.Awaitility.await()
                  .pollInSameThread()
                  .until(() -> (got[0] = channel.basicGet(queue, true)) != null));
      return got[0];
    }
  }

  private static @Nullable String header(GetResponse got, String name) {
    Object value = got.getProps().getHeaders().get(name);
    return value == null ? null : value.toString();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
