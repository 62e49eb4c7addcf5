package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;

import com.rabbitmq.client.Channel;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.ChannelProxy;
import org.springframework.amqp.rabbit.connection.ConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.DirectMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;

/** What of Spring's passes the hooks of the client. */
@Sandboxed
class RawSpringTests extends WithRawClient {

  private CachingConnectionFactory connections;

  @BeforeEach
  void connect() throws Exception {
    connections = new CachingConnectionFactory(client.factory());
  }

  @AfterEach
  void disconnect() {
    connections.destroy();
  }

  static Stream<Function<ConnectionFactory, AbstractMessageListenerContainer>> containers() {
    return Stream.of(SimpleMessageListenerContainer::new, DirectMessageListenerContainer::new);
  }

  @ParameterizedTest
  @MethodSource("containers")
  void consumers_of_containers_are_counted_and_not_scoped_twice(
      Function<ConnectionFactory, AbstractMessageListenerContainer> type) throws Exception {
    String queue = client.queue();
    Consumers consumers = Consumers.of(Run.ofThisJvm());
    CountDownLatch gone = new CountDownLatch(1);
    Runnable remove =
        consumers.whenNoneIsLeft(
            (broker, name) -> {
              if (name.equals(queue)) {
                gone.countDown();
              }
            });
    AbstractMessageListenerContainer container = type.apply(AmqpPropagation.wrap(connections));
    CountDownLatch handled = new CountDownLatch(1);
    container.setQueueNames(queue);
    container.setMessageListener(message -> handled.countDown());
    AmqpPropagation.wrap(container).afterPropertiesSet();
    container.start();
    client.send(queue, Sandbox.current().id().value(), "a text");

    assertReceive(received(queue));
    refuteReceive(received(queue), Duration.ZERO);
    assertThat(handled.await(30, TimeUnit.SECONDS)).isTrue();
    assertThat(consumers.consumes(client.key(), queue)).isTrue();

    container.stop();
    assertThat(gone.await(30, TimeUnit.SECONDS)).isTrue();
    assertThat(consumers.consumes(client.key(), queue)).isFalse();
    remove.run();
  }

  @Test
  void a_template_that_waits_for_a_message_skips_what_is_late() throws Exception {
    Sandbox ended = RawClient.sandbox("T.ended");
    RawClient.end(ended);
    String queue = client.queue();
    client.send(queue, ended.id().value(), "late");
    client.send(queue, Sandbox.current().id().value(), "good");
    RabbitTemplate rabbit = new RabbitTemplate(AmqpPropagation.wrap(connections));

    Message message = Objects.requireNonNull(rabbit.receive(queue, 30_000));

    assertThat(new String(message.getBody(), StandardCharsets.UTF_8)).isEqualTo("good");
    assertReceive(received(queue));
    connections.resetConnection();
    assertThat(client.ready(queue)).isZero();
  }

  @Test
  void channels_of_a_connection_factory_of_spring_can_be_wrapped_and_stay_what_they_are()
      throws Exception {
    String queue = client.queue();
    Channel channel = connections.createConnection().createChannel(false);

    Channel wrapped = AmqpPropagation.wrap(channel);
    wrapped.basicPublish("", queue, null, "a text".getBytes(StandardCharsets.UTF_8));

    assertThat(wrapped).isInstanceOf(ChannelProxy.class).isNotSameAs(channel);
    assertThat(AmqpPropagation.unwrap(wrapped)).isSameAs(channel);
    assertThat(AmqpPropagation.unwrap(((ChannelProxy) wrapped).getTargetChannel()))
        .isSameAs(((ChannelProxy) channel).getTargetChannel());
    assertReceive(sent(queue), Duration.ZERO);
    wrapped.close();
  }

  @Test
  void channels_of_a_wrapped_connection_factory_are_not_wrapped_again() {
    Channel channel = AmqpPropagation.wrap(connections).createConnection().createChannel(false);

    assertThat(AmqpPropagation.wrap(channel)).isSameAs(channel);
  }
}
