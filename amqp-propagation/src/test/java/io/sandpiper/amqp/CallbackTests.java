package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory.ConfirmType;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannel;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannelFactory;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannelImpl;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

/** Confirms, returns and timeouts of several tests that publish by one template. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CallbackTests {

  private static final int TESTS = 4;
  private static final int MESSAGES = 20;

  private final Map<String, CompletableFuture<String>> confirmed = new ConcurrentHashMap<>();
  private final Map<String, CompletableFuture<String>> returned = new ConcurrentHashMap<>();
  private RawClient client;
  private CachingConnectionFactory connections;
  private RabbitTemplate rabbit;
  private ExecutorService tests;

  @BeforeAll
  void start() throws Exception {
    client = RawClient.start();
    tests = Executors.newFixedThreadPool(TESTS);
    connections = confirming();
    AmqpPropagation.wrap(AmqpPropagation.wrap(connections));
    rabbit = new RabbitTemplate(connections);
    rabbit.setMandatory(true);
    rabbit.setConfirmCallback(
        (correlation, ack, cause) -> {
          if (correlation != null) {
            told(confirmed, correlation.getId()).complete(whose() + " " + ack);
          }
        });
    rabbit.setReturnsCallback(
        message ->
            told(returned, RawConsumerTests.text(message.getMessage().getBody()))
                .complete(whose()));
  }

  private CachingConnectionFactory confirming() throws Exception {
    CachingConnectionFactory made = new CachingConnectionFactory(client.factory());
    made.setPublisherConfirmType(ConfirmType.CORRELATED);
    made.setPublisherReturns(true);
    return made;
  }

  @AfterAll
  void stop() throws Exception {
    tests.shutdownNow();
    connections.destroy();
    client.close();
  }

  private static CompletableFuture<String> told(
      Map<String, CompletableFuture<String>> all, String id) {
    return all.computeIfAbsent(id, any -> new CompletableFuture<>());
  }

  /** The test in whose scope the current thread is. */
  private static String whose() {
    Work work = Work.current();
    return work == null ? "nobody" : work.sandbox().testName();
  }

  interface Body {
    void run(Sandbox sandbox) throws Exception;
  }

  /** Several tests at once. */
  private void atOnce(Body body) throws Exception {
    List<Future<@Nullable Void>> all = new ArrayList<>();
    for (int i = 0; i < TESTS; i++) {
      Sandbox sandbox = RawClient.sandbox("T.publishes" + i);
      all.add(
          tests.submit(
              () -> {
                try {
                  RawClient.as(sandbox, () -> body.run(sandbox));
                } finally {
                  RawClient.end(sandbox);
                }
                return null;
              }));
    }
    for (Future<@Nullable Void> one : all) {
      one.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void confirms_are_told_in_the_scope_of_the_test_that_has_published() throws Exception {
    String queue = client.queue();
    atOnce(
        sandbox -> {
          String name = sandbox.testName();
          List<CorrelationData> sent =
              IntStream.range(0, MESSAGES).mapToObj(i -> new CorrelationData()).toList();
          List<CompletableFuture<String>> futures = new ArrayList<>();
          for (CorrelationData data : sent) {
            futures.add(data.getFuture().thenApply(confirm -> whose() + " " + confirm.ack()));
            rabbit.convertAndSend("", queue, (Object) "a text", data);
          }
          for (int i = 0; i < MESSAGES; i++) {
            assertThat(told(confirmed, sent.get(i).getId()).get(30, TimeUnit.SECONDS))
                .isEqualTo(name + " true");
            assertThat(futures.get(i).get(30, TimeUnit.SECONDS)).startsWith(name);
          }
        });
  }

  @Test
  void the_end_of_a_test_waits_until_it_was_told() throws Exception {
    String queue = client.queue();
    List<CorrelationData> sent = new ArrayList<>();
    Sandbox sandbox = RawClient.sandbox("T.publishes");
    RawClient.as(
        sandbox,
        () -> {
          for (int i = 0; i < MESSAGES; i++) {
            CorrelationData data = new CorrelationData();
            sent.add(data);
            rabbit.convertAndSend("", queue, (Object) "a text", data);
          }
        });

    RawClient.end(sandbox);

    assertThat(sent)
        .allSatisfy(
            data ->
                assertThat(told(confirmed, data.getId()).getNow("not told"))
                    .isEqualTo("T.publishes true"));
  }

  @Test
  void returns_are_told_in_the_scope_of_the_test_that_has_published() throws Exception {
    atOnce(
        sandbox -> {
          for (int i = 0; i < MESSAGES; i++) {
            String text = sandbox.id().value() + " " + i;
            CorrelationData data = new CorrelationData();
            rabbit.convertAndSend("", "no such queue", (Object) text, data);

            assertThat(told(returned, text).get(30, TimeUnit.SECONDS))
                .isEqualTo(sandbox.testName());
            assertThat(told(confirmed, data.getId()).get(30, TimeUnit.SECONDS))
                .startsWith(sandbox.testName());
          }
        });
  }

  @Test
  void what_is_never_confirmed_is_told_in_the_scope_of_its_test() throws Exception {
    CachingConnectionFactory own = confirming();
    AmqpPropagation.wrap(own);
    RabbitTemplate template = new RabbitTemplate(own);
    CompletableFuture<String> callback = new CompletableFuture<>();
    template.setConfirmCallback(
        (correlation, ack, cause) -> callback.complete("%s %s".formatted(whose(), ack)));
    Sandbox sandbox = RawClient.sandbox("T.publishes");
    try {
      RawClient.as(
          sandbox,
          () -> {
            CorrelationData data = new CorrelationData();
            CompletableFuture<String> future =
                data.getFuture().thenApply(confirm -> whose() + " " + confirm.ack());
            // The broker closes the channel.
            template.convertAndSend("no such exchange", "any", (Object) "a text", data);

            assertThat(callback.get(30, TimeUnit.SECONDS)).isEqualTo("T.publishes false");
            assertThat(future.get(30, TimeUnit.SECONDS)).isEqualTo("T.publishes false");
          });
    } finally {
      RawClient.end(sandbox);
      own.destroy();
    }
  }

  @Test
  void outside_any_test_callbacks_are_told_as_in_production() throws Exception {
    CorrelationData data = new CorrelationData();
    rabbit.convertAndSend("", client.queue(), (Object) "a text", data);

    assertThat(told(confirmed, data.getId()).get(30, TimeUnit.SECONDS)).isEqualTo("nobody true");
  }

  @Test
  void an_application_s_own_channels_stay_and_unwrapped_factories_have_spring_s() throws Exception {
    CachingConnectionFactory own = confirming();
    PublisherCallbackChannelFactory applications =
        (delegate, executor) -> new ApplicationsOwn(delegate, executor);
    own.setPublisherChannelFactory(applications);
    CachingConnectionFactory unwrapped = AmqpPropagation.unwrap(AmqpPropagation.wrap(confirming()));
    try {
      AmqpPropagation.wrap(own);
      assertThat(targetOf(own)).isExactlyInstanceOf(ApplicationsOwn.class);
      assertThat(targetOf(unwrapped)).isExactlyInstanceOf(PublisherCallbackChannelImpl.class);
      assertThat(targetOf(connections)).isInstanceOf(PublisherCallbackChannelImpl.class);
    } finally {
      own.destroy();
      unwrapped.destroy();
    }
  }

  private static final class ApplicationsOwn extends PublisherCallbackChannelImpl {
    ApplicationsOwn(com.rabbitmq.client.Channel delegate, ExecutorService executor) {
      super(delegate, executor);
    }
  }

  private static Object targetOf(CachingConnectionFactory factory) throws Exception {
    try (com.rabbitmq.client.Channel channel = factory.createConnection().createChannel(false)) {
      assertThat(channel).isInstanceOf(PublisherCallbackChannel.class);
      return ((org.springframework.amqp.rabbit.connection.ChannelProxy) channel).getTargetChannel();
    }
  }

  @Test
  void a_request_that_times_out_is_told_in_the_scope_of_its_test() throws Exception {
    String questions = client.queue();
    AsyncRabbitTemplate template =
        new AsyncRabbitTemplate(connections, "", questions, client.queue());
    template.setReceiveTimeout(200);
    template.setBeanName("timeouts");
    AsyncRabbitTemplate async = AsyncRequests.wrap(AmqpPropagation.wrap(template));
    async.start();
    try {
      atOnce(
          sandbox ->
              assertThat(
                      async
                          .<String>convertSendAndReceive("a question")
                          .handle((reply, failure) -> whose() + " " + (failure != null))
                          .get(30, TimeUnit.SECONDS))
                  .isEqualTo(sandbox.testName() + " true"));
    } finally {
      async.stop();
    }
  }
}
