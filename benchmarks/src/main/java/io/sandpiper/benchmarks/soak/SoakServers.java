package io.sandpiper.benchmarks.soak;

import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.benchmarks.BrokerOfBenchmarks;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.List;
import org.springframework.boot.amqp.autoconfigure.RabbitConnectionDetails;

/** The database and the broker of a soak, with a proxy before the broker. */
final class SoakServers implements AutoCloseable {

  private final PostgresServer postgres = PostgresServer.start(System::getProperty);
  private final TestDatabase database = postgres.createDatabase("soak");
  private final BrokerOfBenchmarks broker = new BrokerOfBenchmarks();
  private final CuttingProxy proxy;
  private final String brokerUrl;

  SoakServers() throws Exception {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute("DROP TABLE IF EXISTS soak");
      statement.execute(SoakApplication.TABLE);
    }
    RabbitConnectionDetails details = broker.details();
    proxy = new CuttingProxy(details.getFirstAddress().host(), details.getFirstAddress().port());
    brokerUrl =
        "amqp://%s:%s@127.0.0.1:%d/%s"
            .formatted(
                encoded(details.getUsername()),
                encoded(details.getPassword()),
                proxy.port(),
                encoded(details.getVirtualHost()));
  }

  private static String encoded(@org.jspecify.annotations.Nullable String text) {
    return URLEncoder.encode(String.valueOf(text), StandardCharsets.UTF_8);
  }

  private Connection connect() throws Exception {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }

  CuttingProxy proxy() {
    return proxy;
  }

  /** What an application is told of the servers. */
  List<String> settings() {
    return List.of(
        "--sandpiper.rabbit.url=" + brokerUrl,
        "--sandpiper.database.url=" + database.url(),
        "--sandpiper.database.user=" + database.user(),
        "--sandpiper.database.password=" + database.password());
  }

  ConnectionFactory factory() throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(URI.create(brokerUrl));
    factory.setNetworkRecoveryInterval(100);
    return factory;
  }

  /** How many rows are there that no sandbox has rolled back. */
  long rowsLeft() throws Exception {
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet count = statement.executeQuery("SELECT count(*) FROM soak")) {
      count.next();
      return count.getLong(1);
    }
  }

  /** How many messages a queue has; none where it does not exist. */
  long messagesIn(String queue) throws Exception {
    try (com.rabbitmq.client.Connection connection = factory().newConnection("soak")) {
      return connection.createChannel().messageCount(queue);
    }
  }

  @Override
  public void close() throws Exception {
    proxy.close();
    broker.close();
    postgres.close();
  }
}
