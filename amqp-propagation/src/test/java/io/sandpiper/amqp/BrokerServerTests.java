package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.qpid.server.queue.QueueArgumentsConverter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.slf4j.LoggerFactory;

@TestInstance(Lifecycle.PER_CLASS)
class BrokerServerTests {

  private static final Map<String, String> EMBEDDED = Map.of("sandpiper.rabbit.server", "embedded");
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  private BrokerServer server;

  @BeforeAll
  void start() {
    server = BrokerServer.start(EMBEDDED::get);
  }

  @AfterAll
  void stop() {
    server.close();
  }

  @Test
  void an_embedded_broker_is_ours_and_says_what_it_is() {
    assertThat(server.ours()).isTrue();
    assertThat(server.description())
        .matches(
            "embedded Apache Qpid Broker-J 10\\.\\d+\\.\\d+ on port \\d+, in place of RabbitMQ");
  }

  @Test
  void virtual_hosts_do_not_see_each_others_messages() throws Exception {
    try (Connection first = connect(server.createVirtualHost("first"));
        Connection second = connect(server.createVirtualHost("second"));
        Channel one = first.createChannel();
        Channel two = second.createChannel()) {
      one.queueDeclare("jobs", true, false, false, null);
      two.queueDeclare("jobs", true, false, false, null);
      publish(one, "jobs", "for the first");

      assertThat(two.basicGet("jobs", true)).isNull();
      assertThat(text(one.basicGet("jobs", true))).isEqualTo("for the first");
    }
  }

  @Test
  void a_virtual_host_that_is_there_already_is_an_error_that_names_it() {
    server.createVirtualHost("twice");

    assertThatIllegalStateException()
        .isThrownBy(() -> server.createVirtualHost("twice"))
        .withMessageContainingAll("\"twice\"", "could not be made", server.description());
  }

  @Test
  void many_channels_work_at_once() throws Exception {
    BlockingQueue<String> received = new LinkedBlockingQueue<>();
    try (Connection connection = connect(server.createVirtualHost("channels"))) {
      List<Channel> channels = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        Channel channel = connection.createChannel();
        channel.queueDeclare("queue " + i, false, true, true, null);
        channel.basicConsume(
            "queue " + i,
            true,
            (tag, delivery) -> received.add(new String(delivery.getBody(), StandardCharsets.UTF_8)),
            tag -> {});
        channels.add(channel);
      }
      for (int i = 0; i < 64; i++) {
        publish(channels.get(i), "queue " + (63 - i), "message " + i);
      }

      Set<String> messages = new HashSet<>();
      for (int i = 0; i < 64; i++) {
        messages.add(received.poll(DEADLINE.toSeconds(), TimeUnit.SECONDS));
      }
      assertThat(messages).hasSize(64).doesNotContainNull();
    }
  }

  @Test
  void what_the_embedded_broker_does_not_know_is_ignored_with_a_warning() throws Exception {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(QueueArgumentsConverter.class);
    logger.addAppender(log);
    try (Connection connection = connect(server.createVirtualHost("arguments"));
        Channel channel = connection.createChannel()) {
      channel.queueDeclare(
          "jobs",
          true,
          false,
          false,
          Map.of("x-dead-letter-exchange", "dead", "x-queue-type", "quorum"));
      publish(channel, "jobs", "works");

      assertThat(text(channel.basicGet("jobs", true))).isEqualTo("works");
      assertThat(log.list)
          .singleElement()
          .satisfies(
              event ->
                  assertThat(event.getFormattedMessage())
                      .contains("x-dead-letter-exchange", "x-queue-type"));
    } finally {
      logger.detachAppender(log);
    }
  }

  @Test
  void publishing_can_be_confirmed() throws Exception {
    try (Connection connection = connect(server.createVirtualHost("confirms"));
        Channel channel = connection.createChannel()) {
      channel.confirmSelect();
      channel.queueDeclare("jobs", true, false, false, null);
      publish(channel, "jobs", "confirmed");

      channel.waitForConfirmsOrDie(DEADLINE.toMillis());
    }
  }

  @Test
  void closing_ends_connections_and_threads() throws Exception {
    Set<Thread> before = Thread.getAllStackTraces().keySet();
    BrokerServer other = BrokerServer.start(EMBEDDED::get);
    Connection connection = connect(other.createVirtualHost("closing"));
    CountDownLatch ended = new CountDownLatch(1);
    connection.addShutdownListener(cause -> ended.countDown());

    other.close();
    other.close();

    assertThat(ended.await(DEADLINE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (!before.contains(thread) && !thread.isDaemon()) {
        thread.join(DEADLINE.toMillis());
        assertThat(thread.isAlive()).as("%s is alive", thread).isFalse();
      }
    }
  }

  @Test
  void a_configured_broker_is_used_as_it_is() throws Exception {
    VirtualHost virtualHost = server.createVirtualHost("configured / with+signs");
    Map<String, String> settings = Map.of("sandpiper.rabbit.url", virtualHost.uri());

    try (BrokerServer configured = BrokerServer.start(settings::get)) {
      assertThat(configured.ours()).isFalse();
      assertThat(configured.createVirtualHost("ignored")).isEqualTo(virtualHost);
      assertThat(configured.description())
          .startsWith("configured Apache Qpid Broker-J")
          .endsWith(" at " + virtualHost)
          .doesNotContain(virtualHost.password());
    }

    connect(virtualHost).close();
  }

  @Test
  void a_configured_url_of_another_kind_is_refused() {
    Map<String, String> settings = Map.of("sandpiper.rabbit.url", "http://me:secret@host:15672");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> BrokerServer.start(settings::get))
        .withMessage(
            "sandpiper.rabbit.url is \"http://host:15672\", which is no AMQP URI: write it as "
                + "amqp://user:password@host:port/vhost, with %2F for a slash in a name");
  }

  @Test
  void a_configured_broker_that_does_not_answer_is_an_error_that_names_it() {
    Map<String, String> settings =
        Map.of("sandpiper.rabbit.url", "amqp://me:secret@127.0.0.1:1/jobs");

    assertThatIllegalStateException()
        .isThrownBy(() -> BrokerServer.start(settings::get))
        .withMessageContainingAll(
            "amqp://127.0.0.1:1/jobs as me", "refused", "sandpiper.rabbit.url")
        .satisfies(e -> assertThat(e).message().doesNotContain("secret"));
  }

  @Test
  void a_configured_virtual_host_that_is_not_there_is_an_error_that_says_so() {
    String url = server.createVirtualHost("there").uri().replace("/there", "/missing");
    Map<String, String> settings = Map.of("sandpiper.rabbit.url", url);

    assertThatIllegalStateException()
        .isThrownBy(() -> BrokerServer.start(settings::get))
        .withMessageContainingAll("/missing", "Unknown virtual host");
  }

  private static Connection connect(VirtualHost virtualHost) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(virtualHost.uri());
    factory.setAutomaticRecoveryEnabled(false);
    return factory.newConnection();
  }

  private static void publish(Channel channel, String queue, String text) throws Exception {
    channel.basicPublish("", queue, null, text.getBytes(StandardCharsets.UTF_8));
  }

  private static String text(GetResponse response) {
    return new String(response.getBody(), StandardCharsets.UTF_8);
  }
}
