package io.sandpiper.benchmarks;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.amqp.AmqpPropagation;
import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * P4: a message to oneself through the broker, stamped and handled in a sandbox, against a bare
 * one.
 *
 * <p>{@code P4a}: the handler does nothing. {@code P4b}: it inserts a row, in a transaction of its
 * own on the plain side and in the test's sandbox on the other. Each side has its own connection
 * and queue; the next message goes out when the handler of the last one is done. A block is one
 * sandbox with 100 messages. Not measured: opening and ending the sandbox, Spring's listener
 * containers, and emptying the table before a block.
 */
final class RoundTripFigure implements Figure {

  private static final String SCHEMA = "CREATE TABLE received (id int PRIMARY KEY)";
  private static final double BAR = 1.05;
  private static final Blocks BLOCKS = new Blocks(150, 300, 100);
  private static final byte[] BODY = "{\"batchId\":42}".getBytes(StandardCharsets.UTF_8);

  @Override
  public String name() {
    return "P4";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    try (BrokerOfBenchmarks broker = new BrokerOfBenchmarks();
        Lab lab = bench.lab(SCHEMA);
        Connection bare = broker.factory().newConnection();
        Connection stamped = wrapped(broker).newConnection()) {
      Handler nothing = (source, number) -> {};
      compare("P4a", nothing, lab, bare, stamped, report);
      compare("P4b", RoundTripFigure::insert, lab, bare, stamped, report);
    }
  }

  private static ConnectionFactory wrapped(BrokerOfBenchmarks broker) {
    return AmqpPropagation.wrap(broker.factory());
  }

  private static void compare(
      String figure, Handler handler, Lab lab, Connection bare, Connection stamped, Report report)
      throws Exception {
    Comparison comparison =
        report.quiet(
            figure,
            BLOCKS,
            new Messages(lab, bare.createChannel(), lab.production(), handler, false),
            new Messages(lab, stamped.createChannel(), lab.sandboxed(), handler, true));
    report.line(Line.ratio(figure, comparison, BAR));
  }

  /** What is done with a message. */
  private interface Handler {

    void handle(DataSource source, int number) throws SQLException;
  }

  private static void insert(DataSource source, int number) throws SQLException {
    Transaction.in(
        source,
        connection -> {
          try (PreparedStatement insert =
              connection.prepareStatement("INSERT INTO received (id) VALUES (?)")) {
            insert.setInt(1, number);
            insert.executeUpdate();
          }
        });
  }

  private static final class Messages implements Side {

    private final Lab lab;
    private final Channel channel;
    private final String queue;
    private final boolean inSandbox;
    private final Semaphore handled = new Semaphore(0);
    private volatile int number;
    private volatile @Nullable SQLException failure;
    private Lab.@Nullable Opened sandbox;

    Messages(Lab lab, Channel channel, DataSource source, Handler handler, boolean inSandbox)
        throws Exception {
      this.lab = lab;
      this.channel = channel;
      this.inSandbox = inSandbox;
      this.queue = channel.queueDeclare("", false, true, true, Map.of()).getQueue();
      channel.basicConsume(
          queue,
          true,
          (tag, message) -> {
            try {
              handler.handle(source, number);
            } catch (SQLException failed) {
              failure = failed;
            } finally {
              handled.release();
            }
          },
          tag -> {});
    }

    @Override
    public void before() throws SQLException {
      lab.execute("TRUNCATE received");
      sandbox = inSandbox ? lab.open() : null;
    }

    @Override
    public void unit() throws Exception {
      number = number + 1;
      channel.basicPublish("", queue, null, BODY);
      if (!handled.tryAcquire(10, TimeUnit.SECONDS)) {
        throw new IllegalStateException("A message to %s did not come back".formatted(queue));
      }
      SQLException failed = failure;
      if (failed != null) {
        throw failed;
      }
    }

    @Override
    public void after() {
      if (inSandbox) {
        Objects.requireNonNull(sandbox).close();
      }
    }
  }
}
