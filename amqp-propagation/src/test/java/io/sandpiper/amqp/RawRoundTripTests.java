package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.RpcClient;
import com.rabbitmq.client.RpcClientParams;
import com.rabbitmq.client.RpcServer;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RawRoundTripTests extends WithRawClient {

  private static final int TESTS = 8;
  private static final int MESSAGES = 25;

  @ParameterizedTest
  @EnumSource
  void tests_on_shared_channels_and_pooled_threads_do_not_cross(RawClient.Way way)
      throws Exception {
    String requests = client.queue();
    String replies = client.queue();
    Map<String, List<String>> handled = new ConcurrentHashMap<>();
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Sandbox> sandboxes =
        IntStream.range(0, TESTS).mapToObj(i -> RawClient.sandbox("T.raw" + i)).toList();
    try {
      // The worker echoes headers, or just the correlation id.
      Channel worker = client.outside();
      worker.basicConsume(
          requests,
          true,
          (tag, delivery) ->
              worker.basicPublish(
                  "",
                  replies,
                  ThreadLocalRandom.current().nextBoolean()
                      ? delivery.getProperties()
                      : new AMQP.BasicProperties.Builder()
                          .correlationId(delivery.getProperties().getMessageId())
                          .build(),
                  delivery.getBody()),
          tag -> {});
      Channel application = client.open(way, factory -> factory.setSharedExecutor(pool));
      List<Channel> consuming = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Channel channel = i == 0 ? application : client.open(way);
        channel.basicConsume(
            replies,
            (tag, delivery) -> {
              handled
                  .computeIfAbsent(RawConsumerTests.scope(), any -> new CopyOnWriteArrayList<>())
                  .add(RawConsumerTests.text(delivery.getBody()));
              channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
            },
            tag -> {});
        consuming.add(channel);
      }
      List<int[]> schedule = schedule();
      List<Future<?>> publishing = new ArrayList<>();
      for (int[] step : schedule) {
        publishing.add(
            pool.submit(
                () -> {
                  Sandbox sandbox = sandboxes.get(step[0]);
                  RawClient.as(sandbox, () -> publish(consuming, requests, sandbox, step[1]));
                  assertThat(RawConsumerTests.scope()).isEqualTo("nobody");
                  return null;
                }));
      }
      for (Future<?> future : publishing) {
        future.get(60, TimeUnit.SECONDS);
      }
      for (Sandbox sandbox : sandboxes) {
        List<String> expected =
            IntStream.range(0, MESSAGES).mapToObj(i -> sandbox.testName() + " " + i).toList();
        RawClient.as(
            sandbox,
            () -> {
              List<String> texts = new ArrayList<>();
              for (int i = 0; i < MESSAGES; i++) {
                texts.add(assertReceive(received(replies)).text());
              }
              assertThat(texts).containsExactlyInAnyOrderElementsOf(expected);
            });
        assertThat(handled.get(sandbox.toString())).containsExactlyInAnyOrderElementsOf(expected);
      }
      assertThat(handled).hasSize(TESTS);
      worker.close();
      application.getConnection().close();
    } finally {
      sandboxes.forEach(RawClient::end);
      pool.shutdownNow();
    }
  }

  private static void publish(List<Channel> channels, String requests, Sandbox sandbox, int number)
      throws IOException {
    Channel channel = channels.get(ThreadLocalRandom.current().nextInt(channels.size()));
    channel.basicPublish(
        "", requests, null, (sandbox.testName() + " " + number).getBytes(StandardCharsets.UTF_8));
  }

  /** Every message of every test once, in random order. */
  private static List<int[]> schedule() {
    List<int[]> steps = new ArrayList<>();
    for (int test = 0; test < TESTS; test++) {
      for (int message = 0; message < MESSAGES; message++) {
        steps.add(new int[] {test, message});
      }
    }
    java.util.Collections.shuffle(steps);
    return steps;
  }

  /** The server, which knows nothing of us, echoes the correlation id and nothing else. */
  @ParameterizedTest
  @EnumSource
  void remote_calls_of_several_tests_that_count_alike_get_their_own_answers(RawClient.Way way)
      throws Exception {
    String questions = client.queue();
    ExecutorService pool = Executors.newFixedThreadPool(TESTS + 1);
    List<Sandbox> sandboxes =
        IntStream.range(0, TESTS).mapToObj(i -> RawClient.sandbox("T.rpc" + i)).toList();
    RpcServer server =
        new RpcServer(client.outside(), questions) {
          @Override
          public byte[] handleCall(byte[] request, AMQP.BasicProperties replyProperties) {
            String answer = "answer to " + RawConsumerTests.text(request);
            return answer.getBytes(StandardCharsets.UTF_8);
          }
        };
    try {
      pool.submit(server::mainloop);
      List<Future<?>> calling = new ArrayList<>();
      for (Sandbox sandbox : sandboxes) {
        RpcClient calls = rpcClient(client.open(way), questions);
        calling.add(pool.submit(() -> call(sandbox, calls)));
      }
      for (Future<?> future : calling) {
        future.get(60, TimeUnit.SECONDS);
      }
    } finally {
      server.close();
      sandboxes.forEach(RawClient::end);
      pool.shutdownNow();
    }
  }

  private RpcClient rpcClient(Channel channel, String questions) throws Exception {
    RpcClientParams params =
        new RpcClientParams().channel(channel).exchange("").routingKey(questions).timeout(60_000);
    // The embedded broker has no direct replies.
    return new RpcClient(client.isRabbit() ? params : params.replyTo(client.queue()));
  }

  private static @Nullable Object call(Sandbox sandbox, RpcClient calls) throws Exception {
    RawClient.as(
        sandbox,
        () -> {
          for (int i = 0; i < 5; i++) {
            String question = sandbox.testName() + " " + i;
            assertThat(calls.stringCall(question)).isEqualTo("answer to " + question);
          }
        });
    calls.close();
    return null;
  }

  @ParameterizedTest
  @EnumSource
  void the_answer_to_a_remote_call_is_in_the_mailbox_of_its_caller(RawClient.Way way)
      throws Exception {
    String questions = client.queue();
    Sandbox sandbox = RawClient.sandbox("T.calls");
    Channel serving = client.open(way);
    serving.basicConsume(
        questions,
        true,
        (tag, request) ->
            serving.basicPublish(
                "",
                request.getProperties().getReplyTo(),
                new AMQP.BasicProperties.Builder()
                    .correlationId(request.getProperties().getCorrelationId())
                    .build(),
                RawConsumerTests.scope().getBytes(StandardCharsets.UTF_8)),
        tag -> {});
    try {
      String replies = client.isRabbit() ? "amq.rabbitmq.reply-to" : client.queue();
      RpcClient calls =
          new RpcClient(
              new RpcClientParams()
                  .channel(client.open(way))
                  .exchange("")
                  .routingKey(questions)
                  .replyTo(replies)
                  .timeout(60_000));
      RawClient.as(
          sandbox,
          () -> {
            assertThat(calls.stringCall("whose are you")).isEqualTo(sandbox.toString());
            assertReceive(received(questions));
            assertThat(assertReceive(received(replies)).text()).isEqualTo(sandbox.toString());
          });
      calls.close();
    } finally {
      RawClient.end(sandbox);
    }
  }

  /** One that the broker closes, for it knows no exchange of that type. */
  @ParameterizedTest
  @EnumSource(names = {"RECOVERING_FACTORY", "CONNECTION", "CHANNEL"})
  void a_consumer_goes_on_when_its_connection_has_recovered(RawClient.Way way) throws Exception {
    Sandbox sandbox = RawClient.sandbox("T.recovers");
    try {
      Channel channel =
          client.open(
              way,
              factory -> {
                factory.setAutomaticRecoveryEnabled(true);
                factory.setNetworkRecoveryInterval(50);
              });
      String queue = client.queue();
      Consumers consumers = Consumers.of(Run.ofThisJvm());
      List<String> gone = new CopyOnWriteArrayList<>();
      Runnable remove = consumers.whenNoneIsLeft((broker, name) -> gone.add(name));
      List<String> handled = new CopyOnWriteArrayList<>();
      channel.basicQos(1);
      channel.basicConsume(
          queue,
          (tag, delivery) -> {
            handled.add(
                RawConsumerTests.text(delivery.getBody()) + " of " + RawConsumerTests.scope());
            channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
          },
          tag -> {});
      client.send(queue, sandbox.id().value(), "before");
      RawClient.as(sandbox, () -> assertReceive(received(queue)));

      CountDownLatch recovered = new CountDownLatch(1);
      ((Recoverable) channel)
          .addRecoveryListener(
              new RecoveryListener() {
                @Override
                public void handleRecovery(Recoverable recoverable) {
                  recovered.countDown();
                }

                @Override
                public void handleRecoveryStarted(Recoverable recoverable) {}
              });
      closeByBroker(channel);
      assertThat(recovered.await(30, TimeUnit.SECONDS)).isTrue();

      client.send(queue, "sp1.not an id", "malformed");
      client.send(queue, sandbox.id().value(), "after");
      RawClient.as(
          sandbox,
          () -> {
            assertReceive(received(queue));
            assertEventually(() -> assertThat(consumers.consumes(client.key(), queue)).isTrue());
          });
      assertThat(gone).containsOnlyOnce(queue);
      assertThat(handled).containsExactly("before of " + sandbox, "after of " + sandbox);
      channel.close();
      assertThat(client.ready(queue)).isZero();
      assertThat(consumers.consumes(client.key(), queue)).isFalse();
      remove.run();
    } finally {
      RawClient.end(sandbox);
    }
  }

  private static void closeByBroker(Channel channel) throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    channel.getConnection().addShutdownListener(cause -> closed.countDown());
    Channel bad = channel.getConnection().createChannel();
    try {
      bad.exchangeDeclare("unknown", "no type of exchange");
    } catch (IOException expected) {
      assertThat(expected).isNotNull();
    }
    assertThat(closed.await(30, TimeUnit.SECONDS)).isTrue();
  }

  @ParameterizedTest
  @EnumSource
  void a_queue_that_is_deleted_has_no_consumer_left(RawClient.Way way) throws Exception {
    Channel channel = client.open(way);
    String queue = channel.queueDeclare().getQueue();
    Consumers consumers = Consumers.of(Run.ofThisJvm());
    CountDownLatch gone = new CountDownLatch(1);
    Runnable remove =
        consumers.whenNoneIsLeft(
            (broker, name) -> {
              if (name.equals(queue)) {
                gone.countDown();
              }
            });
    CountDownLatch cancelled = new CountDownLatch(1);
    channel.basicConsume(queue, true, (tag, delivery) -> {}, tag -> cancelled.countDown());
    assertThat(consumers.consumes(client.key(), queue)).isTrue();

    channel.queueDelete(queue);

    if (client.isRabbit()) {
      assertThat(cancelled.await(30, TimeUnit.SECONDS)).isTrue();
    } else {
      channel.close();
    }
    assertThat(gone.await(30, TimeUnit.SECONDS)).isTrue();
    remove.run();
  }
}
