package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;

import com.rabbitmq.client.Channel;
import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.Binding;
import org.springframework.amqp.core.Declarables;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageBuilder;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.amqp.rabbit.config.DirectRabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.config.SimpleRabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.amqp.autoconfigure.RabbitAutoConfiguration;
import org.springframework.boot.amqp.autoconfigure.RabbitConnectionDetails;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;

/** An application on a broker that it shares, whose tests are written here too. */
@ImportAutoConfiguration({
  RabbitAutoConfiguration.class,
  AmqpPropagationAutoConfiguration.class,
  AmqpBrokerAutoConfiguration.class
})
class StrayApplication {

  static final List<String> QUEUES =
      List.of("stray.auto", "stray.manual", "stray.none", "stray.transacted");

  private final Map<String, List<String>> handled = new ConcurrentHashMap<>();
  private final List<String> unowned = new CopyOnWriteArrayList<>();

  /** Starts it on the broker of a URI. */
  static ConfigurableApplicationContext start(String uri, String... properties) {
    SpringApplication application = new SpringApplication(StrayApplication.class);
    application.setWebApplicationType(org.springframework.boot.WebApplicationType.NONE);
    List<String> arguments = new ArrayList<>(List.of(properties));
    arguments.add("--sandpiper.enabled=true");
    arguments.add("--test.broker=" + uri);
    arguments.add("--spring.main.banner-mode=off");
    return application.run(arguments.toArray(String[]::new));
  }

  /** As a container of the application's own would be known by a bean. */
  @Bean
  static RabbitConnectionDetails broker(Environment environment) {
    VirtualHost host = VirtualHost.parse(environment.getRequiredProperty("test.broker"));
    return new RabbitConnectionDetails() {
      @Override
      public List<Address> getAddresses() {
        return List.of(new Address(host.host(), host.port()));
      }

      @Override
      public String getUsername() {
        return host.user();
      }

      @Override
      public String getPassword() {
        return host.password();
      }

      @Override
      public String getVirtualHost() {
        return host.name();
      }
    };
  }

  @Bean
  static Declarables queues() {
    List<org.springframework.amqp.core.Declarable> all = new ArrayList<>();
    for (String queue : QUEUES) {
      all.add(new Queue(queue));
      all.add(new Binding(queue, Binding.DestinationType.QUEUE, "amq.topic", "to." + queue, null));
    }
    return new Declarables(all);
  }

  @Bean
  static SimpleRabbitListenerContainerFactory auto(
      CachingConnectionFactory connections, Environment environment) {
    SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
    factory.setRecoveryInterval(200L);
    factory.setConnectionFactory(connections);
    factory.setPrefetchCount(environment.getProperty("test.prefetch", Integer.class, 250));
    factory.setConcurrentConsumers(2);
    return factory;
  }

  @Bean
  static DirectRabbitListenerContainerFactory manual(
      CachingConnectionFactory connections, Environment environment) {
    DirectRabbitListenerContainerFactory factory = new DirectRabbitListenerContainerFactory();
    factory.setMonitorInterval(200);
    factory.setFailedDeclarationRetryInterval(200L);
    factory.setConnectionFactory(connections);
    factory.setPrefetchCount(environment.getProperty("test.prefetch", Integer.class, 250));
    factory.setAcknowledgeMode(AcknowledgeMode.MANUAL);
    return factory;
  }

  @Bean
  static DirectRabbitListenerContainerFactory none(
      CachingConnectionFactory connections, Environment environment) {
    DirectRabbitListenerContainerFactory factory = new DirectRabbitListenerContainerFactory();
    factory.setMonitorInterval(200);
    factory.setFailedDeclarationRetryInterval(200L);
    factory.setConnectionFactory(connections);
    factory.setPrefetchCount(environment.getProperty("test.prefetch", Integer.class, 250));
    factory.setAcknowledgeMode(AcknowledgeMode.NONE);
    return factory;
  }

  @Bean
  static SimpleRabbitListenerContainerFactory transacted(
      CachingConnectionFactory connections, Environment environment) {
    SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
    factory.setRecoveryInterval(200L);
    factory.setConnectionFactory(connections);
    factory.setPrefetchCount(environment.getProperty("test.prefetch", Integer.class, 250));
    factory.setChannelTransacted(true);
    return factory;
  }

  @RabbitListener(queues = "stray.auto", containerFactory = "auto")
  void auto(Message message) {
    handle(message);
  }

  @RabbitListener(queues = "stray.manual", containerFactory = "manual")
  void manual(Message message, Channel channel) throws IOException {
    handle(message);
    channel.basicAck(message.getMessageProperties().getDeliveryTag(), false);
  }

  @RabbitListener(queues = "stray.none", containerFactory = "none")
  void none(Message message) {
    handle(message);
  }

  @RabbitListener(queues = "stray.transacted", containerFactory = "transacted")
  void transacted(Message message) {
    handle(message);
  }

  private void handle(Message message) {
    Work work = Work.current();
    (work == null
            ? unowned
            : handled.computeIfAbsent(
                work.sandbox().id().value(), any -> new CopyOnWriteArrayList<>()))
        .add(describe(message));
  }

  List<String> handled(Sandbox sandbox) {
    return handled.getOrDefault(sandbox.id().value(), List.of());
  }

  List<String> unowned() {
    return unowned;
  }

  /** Everything that a listener sees of a message, but what is a delivery's own. */
  private static String describe(Message message) {
    MessageProperties properties = message.getMessageProperties();
    return "%s from %s of '%s' to %s%s as %s %s %s %s %s %s %s %s %s %s at %s: %s"
        .formatted(
            new String(message.getBody(), StandardCharsets.UTF_8),
            properties.getConsumerQueue(),
            properties.getReceivedExchange(),
            properties.getReceivedRoutingKey(),
            Boolean.TRUE.equals(properties.getRedelivered()) ? " again" : "",
            properties.getContentType(),
            properties.getContentEncoding(),
            properties.getCorrelationId(),
            properties.getMessageId(),
            properties.getReceivedDeliveryMode(),
            properties.getPriority(),
            properties.getReplyTo(),
            properties.getType(),
            properties.getAppId(),
            properties.getExpiration(),
            properties.getTimestamp() == null ? null : properties.getTimestamp().getTime(),
            new TreeMap<>(properties.getHeaders()));
  }

  private static Message rich(String queue, int number) {
    Message message =
        MessageBuilder.withBody((queue + " " + number).getBytes(StandardCharsets.UTF_8))
            .setContentType("text/x-number")
            .setContentEncoding("utf-8")
            .setCorrelationId("correlation-" + number)
            .setMessageId(UUID.randomUUID().toString())
            .setPriority(number % 5)
            .setReplyTo("nobody")
            .setType("rich")
            .setAppId("strays")
            .setTimestamp(new Date(1_700_000_000_000L))
            .setHeader("number", number)
            .setHeader("text", "t".repeat(300))
            .setHeader("nested", Map.of("list", List.of("a", 1L, true)))
            .setHeader("CC", List.of("nowhere"))
            .build();
    return message;
  }

  /** Opens the sandbox of a test that works with a context. */
  static Sandbox open(ConfigurableApplicationContext context, String name) {
    Sandbox sandbox =
        Run.ofThisJvm()
            .open(
                Sandbox.Settings.of(name, Isolation.NONE, context)
                    .withDrain(Duration.ofSeconds(20)));
    sandbox.home(context);
    return sandbox;
  }

  /** Sends to the first queue what a worker would that was given an id. */
  static void send(
      ConfigurableApplicationContext context, String id, Map<String, Object> headers, String text) {
    try (Scope nobody = Scope.open(null, "outside")) {
      context
          .getBean(RabbitTemplate.class)
          .convertAndSend(
              "",
              QUEUES.get(0),
              text,
              message -> {
                message.getMessageProperties().getHeaders().putAll(headers);
                message.getMessageProperties().setHeader("x-test-id", id);
                return message;
              });
    }
  }

  /**
   * A test: sends messages to all queues, awaits all of them and ends.
   *
   * @return what is wrong, one line each
   */
  static List<String> test(ConfigurableApplicationContext context, int messages) {
    RabbitTemplate rabbit = context.getBean(RabbitTemplate.class);
    StrayApplication application = context.getBean(StrayApplication.class);
    Run run = Run.ofThisJvm();
    Sandbox sandbox = open(context, "StrayTests.test");
    List<String> expected = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < messages; i++) {
        for (String queue : QUEUES) {
          Message message = rich(queue, i);
          rabbit.send("amq.topic", "to." + queue, message);
          expected.add(expected(sandbox, queue, message));
        }
      }
      for (String queue : QUEUES) {
        for (int i = 0; i < messages; i++) {
          Hop hop = assertReceive(received(queue), Duration.ofSeconds(30));
          if (!Objects.equals(hop.exchange(), "amq.topic")) {
            wrong.add("exchange " + hop.exchange());
          }
        }
      }
      run.end(sandbox, null);
    } catch (AssertionError failed) {
      wrong.add(String.valueOf(failed.getMessage()).replace('\n', ' '));
      run.end(sandbox, failed);
    }
    compare(expected, application.handled(sandbox), wrong);
    return wrong;
  }

  private static String expected(Sandbox sandbox, String queue, Message sent) {
    MessageProperties properties = sent.getMessageProperties();
    Map<String, Object> headers = new TreeMap<>(properties.getHeaders());
    headers.put("x-test-id", sandbox.id().value());
    headers.put("baggage", "test.id=" + sandbox.id().value());
    return "%s from %s of 'amq.topic' to to.%s as %s %s %s %s PERSISTENT %s %s %s %s null at %s: %s"
        .formatted(
            new String(sent.getBody(), StandardCharsets.UTF_8),
            queue,
            queue,
            properties.getContentType(),
            properties.getContentEncoding(),
            properties.getCorrelationId(),
            properties.getMessageId(),
            properties.getPriority(),
            properties.getReplyTo(),
            properties.getType(),
            properties.getAppId(),
            Objects.requireNonNull(properties.getTimestamp()).getTime(),
            headers);
  }

  private static void compare(List<String> expected, List<String> handled, List<String> wrong) {
    List<String> missing = new ArrayList<>(expected);
    for (String message : handled) {
      if (!missing.remove(message)) {
        wrong.add("too much: " + message);
      }
    }
    missing.forEach(message -> wrong.add("missing: " + message));
  }
}
