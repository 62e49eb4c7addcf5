package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.rabbit.config.SimpleRabbitListenerEndpoint;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.RabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.listener.RabbitListenerEndpointRegistry;
import org.springframework.context.ConfigurableApplicationContext;

/** What becomes of messages in home queues whose JVM or context takes none. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class HomeQueueTests {

  private static final HomeLife SHORT = new HomeLife(Duration.ofMillis(700));

  private final TestBroker broker = new TestBroker();
  private final String uri = broker.virtualHost().uri();
  private final ConfigurableApplicationContext context = StrayApplication.start(uri);
  private final Set<String> parked = new TreeSet<>();

  @AfterAll
  void stop() {
    context.close();
    broker.close();
  }

  @BeforeEach
  void forget() {
    parked();
    parked.clear();
  }

  @Test
  @ExtendWith(NeedsRabbitMq.class)
  void what_is_in_the_home_queue_of_a_context_whose_jvm_has_died_is_parked() throws Exception {
    String run = "sandpiper.home." + UUID.randomUUID();
    String home = run + ".context.queue";
    try (Connection connection = connect();
        Channel channel = connection.createChannel()) {
      channel.queueDeclare(run, true, false, false, SHORT.ofRun());
      channel.queueDeclare(home, true, false, false, SHORT.ofContext(run));
      channel.basicPublish("", home, null, "of a context".getBytes(StandardCharsets.UTF_8));
      channel.basicPublish("", run, null, "of a run".getBytes(StandardCharsets.UTF_8));
    }

    await().untilAsserted(() -> assertThat(parked()).containsExactly("of a context", "of a run"));
    awaitExpiry(home);
    awaitExpiry(run);
  }

  @Test
  @ExtendWith(NeedsRabbitMq.class)
  void what_was_on_its_way_to_a_jvm_that_is_killed_is_parked() throws Exception {
    String home;
    try (StrayJvm other = new StrayJvm(uri, SHORT, 1)) {
      home = Homes.queueOf(other.run());
      String id = "sp1.%s.000001.AAAAAAAAAAAAAAAA".formatted(other.run());
      other.pause();
      StrayApplication.send(context, id, Map.of(), "one");
      StrayApplication.send(context, id, Map.of(), "two");
      StrayApplication.send(context, id, Map.of(), "three");
      // One of them may have been given to that JVM: that one is still of the application's queue.
      await().until(() -> unacknowledged() <= 1);
      other.kill();
    }

    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(parked()).containsExactly("one", "three", "two"));
    awaitExpiry(home);
  }

  /** A queue that is asked for stays. */
  private void awaitExpiry(String queue) {
    await().pollInterval(SHORT.patience().multipliedBy(5)).until(() -> !broker.hasQueue(queue));
  }

  @Test
  @ExtendWith(NeedsRabbitMq.class)
  void a_jvm_that_is_paused_for_long_loses_nothing() throws Exception {
    try (StrayJvm other = new StrayJvm(uri, SHORT, 1)) {
      for (int i = 0; i < 3; i++) {
        other.begin(4, 10);
        other.pause();
        long until = System.nanoTime() + SHORT.patience().multipliedBy(3).toNanos();
        await().until(() -> System.nanoTime() > until);
        other.resume();
        assertThat(other.answer()).isEqualTo("[]");
      }
    }
    assertThat(parked()).isEmpty();
  }

  @Test
  void a_context_that_was_paused_for_long_has_its_home_queues_again() {
    ContextHome home = context.getBean(ContextHome.class);
    home.stop();
    home.start();
    List<String> queues =
        StrayApplication.QUEUES.stream().map(queue -> home.queueFor(queue)).toList();
    context.stop();
    queues.forEach(queue -> admin().deleteQueue(Objects.requireNonNull(queue)));

    context.start();

    assertThat(queues).allMatch(queue -> broker.hasQueue(queue));
    try (ConfigurableApplicationContext other = StrayApplication.start(uri)) {
      assertThat(StrayJvm.tests(context, 4, 5)).isEmpty();
      assertThat(StrayJvm.tests(other, 4, 5)).isEmpty();
    } catch (Exception failed) {
      throw new AssertionError(failed);
    }
  }

  @Test
  void what_has_waited_too_long_in_a_live_home_goes_on_to_its_listener() {
    Run run = Run.ofThisJvm();
    Sandbox sandbox = StrayApplication.open(context, "T.waits");
    Original message = message(sandbox);
    Original.Journey journey = message.again(false);
    PutBack.of(run).expect(journey, sandbox, "stray.auto");
    // As the broker gives it to the run when it has expired in the context's queue.
    try (Connection connection = connect();
        Channel channel = connection.createChannel()) {
      channel.basicPublish(
          "",
          Homes.queueOf(run.name()),
          PutBackHeader.propertiesOf(message, journey),
          message.body());
    } catch (Exception failed) {
      throw new AssertionError(failed);
    }
    run.end(sandbox, null);
    assertThat(context.getBean(StrayApplication.class).handled(sandbox))
        .singleElement()
        .asString()
        .startsWith("moved on from stray.auto");
  }

  @Test
  void containers_that_are_made_at_run_time_have_home_queues_too() throws Exception {
    String queue = "stray.late." + UUID.randomUUID();
    broker.declareQueue(queue);
    try (ConfigurableApplicationContext other = StrayApplication.start(uri)) {
      Set<String> handled = ConcurrentHashMap.newKeySet();
      List<ConfigurableApplicationContext> contexts = List.of(context, other);
      for (ConfigurableApplicationContext each : contexts) {
        listen(each, queue, handled);
      }
      Set<String> expected = new TreeSet<>();
      for (int i = 0; i < 20; i++) {
        ConfigurableApplicationContext each = contexts.get(i % 2);
        sendAsTest(each, queue, i);
        expected.add(i + " in " + each.getId() + " " + System.identityHashCode(each));
      }
      assertThat(new TreeSet<>(handled)).isEqualTo(expected);
      for (ConfigurableApplicationContext each : contexts) {
        each.getBean(RabbitListenerEndpointRegistry.class).unregisterListenerContainer(queue);
      }
    } finally {
      broker.deleteQueue(queue);
    }
  }

  private static void listen(
      ConfigurableApplicationContext context, String queue, Set<String> handled) {
    SimpleRabbitListenerEndpoint endpoint = new SimpleRabbitListenerEndpoint();
    endpoint.setId(queue);
    endpoint.setQueueNames(queue);
    endpoint.setMessageListener(
        message ->
            handled.add(
                new String(message.getBody(), StandardCharsets.UTF_8)
                    + " in "
                    + context.getId()
                    + " "
                    + System.identityHashCode(context)));
    context
        .getBean(RabbitListenerEndpointRegistry.class)
        .registerListenerContainer(
            endpoint, context.getBean("auto", RabbitListenerContainerFactory.class), true);
  }

  private static void sendAsTest(ConfigurableApplicationContext context, String queue, int number) {
    Run run = Run.ofThisJvm();
    Sandbox sandbox = StrayApplication.open(context, "T.sends");
    try (Scope scope = sandbox.test().bind()) {
      context.getBean(RabbitTemplate.class).convertAndSend(queue, String.valueOf(number));
      assertReceive(received(queue), Duration.ofSeconds(20));
    }
    run.end(sandbox, null);
  }

  private static Original message(Sandbox sandbox) {
    return new Original(
        "stray.auto",
        "",
        "stray.auto",
        false,
        new com.rabbitmq.client.AMQP.BasicProperties.Builder()
            .messageId(UUID.randomUUID().toString())
            .headers(Map.of("x-test-id", sandbox.id().value()))
            .build(),
        "moved on".getBytes(StandardCharsets.UTF_8),
        null);
  }

  private AmqpAdmin admin() {
    return context.getBean(AmqpAdmin.class);
  }

  private Connection connect() throws Exception {
    com.rabbitmq.client.ConnectionFactory factory = new com.rabbitmq.client.ConnectionFactory();
    factory.setUri(uri);
    return factory.newConnection();
  }

  private long unacknowledged() {
    return broker.messageCount("stray.auto");
  }

  /** The texts of all that was parked since the test began. */
  private Set<String> parked() {
    for (GetResponse next = broker.get(Homes.PARKED);
        next != null;
        next = broker.get(Homes.PARKED)) {
      parked.add(new String(next.getBody(), StandardCharsets.UTF_8));
    }
    return parked;
  }
}
