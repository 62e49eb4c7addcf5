package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Run;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a topology says of random exchanges, bindings and messages, against what the broker does.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class TopologyTests {

  private static final int QUEUES = 6;
  private static final int EXCHANGES = 5;
  private static final int ROUNDS = 6;
  private static final List<String> WORDS = List.of("a", "b", "c");
  private static final List<String> TYPES = List.of("direct", "fanout", "topic", "headers");

  private final Run run = Run.create();
  private final TestBroker broker = new TestBroker();
  private @Nullable ConnectionFactory factory;
  private @Nullable Connection connection;
  private @Nullable Channel channel;
  private final List<String> declared = new ArrayList<>();
  private Random random = new Random();
  private String prefix = "";

  @BeforeAll
  void connect() throws Exception {
    factory = broker.factory(run);
    connection = factory.newConnection();
  }

  @AfterAll
  void stop() throws Exception {
    if (connection != null) {
      connection.close();
    }
    broker.close();
  }

  @BeforeEach
  void open() throws Exception {
    prefix = TestBroker.prefix();
    channel = connection().createChannel();
    channel.confirmSelect();
  }

  @AfterEach
  void close() throws Exception {
    for (String exchange : declared) {
      channel().exchangeDelete(exchange);
    }
    declared.clear();
    channel().close();
  }

  @Test
  void a_delayed_exchange_routes_by_the_type_that_it_is_given() {
    Topology topology = new Topology();
    topology.exchangeDeclared("later", "x-delayed-message", Map.of("x-delayed-type", "topic"));
    topology.queueBound("mine", "later", "a.*", Map.of());

    assertThat(topology.routes("later", "a.b", Map.of("x-delay", 500)))
        .isEqualTo(new Topology.Routes(Set.of("mine"), true));
    assertThat(topology.routes("later", "b.b", Map.of("x-delay", 500)))
        .isEqualTo(new Topology.Routes(Set.of(), true));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void messages_get_where_the_topology_says(long seed) throws Exception {
    random = new Random(seed);
    declare(false);
    compare(false);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  @Tag("rabbitmq")
  void messages_get_where_the_topology_says_with_all_that_only_rabbitmq_has(long seed)
      throws Exception {
    assertThat(broker.isRabbit()).as("SANDPIPER_RABBIT_URL names a RabbitMQ").isTrue();
    random = new Random(seed);
    declare(true);
    compare(true);
  }

  @Test
  void what_others_have_declared_is_learned_from_where_messages_arrive() throws Exception {
    declareByOthers();
    String key = "others.key";

    assertThat(topology().routes(exchange(0), key, Map.of()).complete()).isFalse();
    topology().arrived(exchange(0), key, queue(0));

    assertThat(topology().routes(exchange(0), key, Map.of()).queues()).containsExactly(queue(0));
    assertThat(topology().routes(exchange(0), "another", Map.of()).queues()).isEmpty();
  }

  private void declareByOthers() throws Exception {
    try (Connection others = broker.plainFactory().newConnection();
        Channel theirs = others.createChannel()) {
      theirs.exchangeDeclare(exchange(0), "topic", false, true, null);
      theirs.queueDeclare(queue(0), false, true, false, null);
      theirs.queueBind(queue(0), exchange(0), "others.#");
    }
  }

  private void declare(boolean all) throws IOException {
    for (int i = 0; i < QUEUES; i++) {
      channel().queueDeclare(queue(i), false, true, false, null);
    }
    for (int i = 0; i < EXCHANGES; i++) {
      Map<String, Object> arguments = new HashMap<>();
      if (all && i > 0 && random.nextInt(3) == 0) {
        arguments.put("alternate-exchange", exchange(random.nextInt(i)));
      }
      declared.add(exchange(i));
      channel().exchangeDeclare(exchange(i), TYPES.get(i % TYPES.size()), false, false, arguments);
    }
  }

  private void compare(boolean all) throws Exception {
    List<Bound> bound = new ArrayList<>();
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < 6; i++) {
        bind(bound, all);
      }
      for (int i = 0; i < 2; i++) {
        bound.remove(random.nextInt(bound.size())).undo(channel());
      }
      compareOnce(all);
    }
  }

  private record Bound(
      boolean queue, String to, String from, String key, Map<String, Object> arguments) {

    boolean isSameButForArguments(Bound other) {
      return to.equals(other.to) && from.equals(other.from) && key.equals(other.key);
    }

    void undo(Channel channel) throws IOException {
      if (queue) {
        channel.queueUnbind(to, from, key, arguments);
      } else {
        channel.exchangeUnbind(to, from, key, arguments);
      }
    }
  }

  private void bind(List<Bound> bound, boolean all) throws IOException {
    String from = exchange(random.nextInt(EXCHANGES));
    Map<String, Object> arguments = bindingArguments(all);
    boolean toQueue = !all || random.nextInt(4) > 0;
    Bound next =
        new Bound(
            toQueue,
            toQueue ? queue(random.nextInt(QUEUES)) : exchange(random.nextInt(EXCHANGES)),
            from,
            pattern(),
            arguments);
    // The embedded broker has one binding a key.
    if (bound.contains(next) || (!all && bound.stream().anyMatch(next::isSameButForArguments))) {
      return;
    }
    if (toQueue) {
      channel().queueBind(next.to(), from, next.key(), arguments);
    } else {
      channel().exchangeBind(next.to(), from, next.key(), arguments);
    }
    bound.add(next);
  }

  private Map<String, Object> bindingArguments(boolean all) {
    Map<String, Object> arguments = new HashMap<>();
    List<String> how =
        all ? List.of("all", "any", "all-with-x", "any-with-x") : List.of("all", "any");
    arguments.put("x-match", how.get(random.nextInt(how.size())));
    arguments.put(WORDS.get(random.nextInt(WORDS.size())), value());
    if (random.nextBoolean()) {
      arguments.put(WORDS.get(random.nextInt(WORDS.size())), value());
    }
    if (all && random.nextBoolean()) {
      arguments.put("x-" + WORDS.get(random.nextInt(WORDS.size())), value());
    }
    return arguments;
  }

  private Object value() {
    return random.nextBoolean() ? (Object) random.nextInt(2) : WORDS.get(random.nextInt(2));
  }

  private String pattern() {
    List<String> words = new ArrayList<>();
    for (int i = random.nextInt(3); i >= 0; i--) {
      int which = random.nextInt(5);
      words.add(which == 3 ? "*" : which == 4 ? "#" : WORDS.get(which));
    }
    return String.join(".", words);
  }

  private String key() {
    List<String> words = new ArrayList<>();
    for (int i = random.nextInt(3); i >= 0; i--) {
      words.add(WORDS.get(random.nextInt(WORDS.size())));
    }
    return String.join(".", words);
  }

  private void compareOnce(boolean all) throws Exception {
    Map<String, Set<String>> expected = new TreeMap<>();
    for (int i = 0; i < 40; i++) {
      String exchange = random.nextInt(8) == 0 ? "" : exchange(random.nextInt(EXCHANGES));
      String key = exchange.isEmpty() ? queue(random.nextInt(QUEUES)) : key();
      Map<String, Object> headers = headers(all, exchange.isEmpty());
      String body = "%s %s %s %d".formatted(exchange, key, headers, i);
      Topology.Routes routes = topology().routes(exchange, key, headers);
      assertThat(routes.complete()).isTrue();
      routes.queues().stream()
          .filter(queue -> queue.startsWith(prefix))
          .forEach(queue -> expected.computeIfAbsent(queue, any -> new TreeSet<>()).add(body));
      AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().headers(headers).build();
      channel().basicPublish(exchange, key, properties, body.getBytes(StandardCharsets.UTF_8));
    }
    channel().waitForConfirmsOrDie(30_000);
    assertThat(fetched()).isEqualTo(expected);
  }

  private Map<String, Object> headers(boolean all, boolean toQueue) {
    Map<String, Object> headers = new HashMap<>();
    WORDS.forEach(
        word -> {
          if (random.nextBoolean()) {
            headers.put(word, value());
          }
          if (all && random.nextBoolean()) {
            headers.put("x-" + word, value());
          }
        });
    if (all && random.nextInt(4) == 0) {
      headers.put(
          random.nextBoolean() ? "CC" : "BCC",
          List.of(toQueue ? queue(random.nextInt(QUEUES)) : key()));
    }
    return headers;
  }

  private Map<String, Set<String>> fetched() throws IOException {
    Map<String, Set<String>> fetched = new TreeMap<>();
    for (int i = 0; i < QUEUES; i++) {
      GetResponse next = channel().basicGet(queue(i), true);
      while (next != null) {
        fetched
            .computeIfAbsent(queue(i), any -> new TreeSet<>())
            .add(new String(next.getBody(), StandardCharsets.UTF_8));
        next = channel().basicGet(queue(i), true);
      }
    }
    return fetched;
  }

  private Topology topology() {
    return TransitCounter.of(run)
        .topology(BrokerKey.of(java.util.Objects.requireNonNull(factory, "factory")));
  }

  private Connection connection() {
    return java.util.Objects.requireNonNull(connection, "connection");
  }

  private Channel channel() {
    return java.util.Objects.requireNonNull(channel, "channel");
  }

  private String queue(int number) {
    return prefix + "queue" + number;
  }

  private String exchange(int number) {
    return prefix + "exchange" + number;
  }
}
