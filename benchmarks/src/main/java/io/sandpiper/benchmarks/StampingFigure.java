package io.sandpiper.benchmarks;

import com.rabbitmq.client.AMQP;
import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Propagation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.amqp.StampingProbe;
import java.util.Map;

/**
 * P5: what it takes to stamp a message, and to read a message's id and find its test.
 *
 * <p>{@code P5a} makes the properties that are sent from the application's, which have two headers.
 * {@code P5b} reads the header and looks the test up among 64 that are open. Not measured: what is
 * recorded of the message, which is not stamping, and the client's own work.
 */
final class StampingFigure implements Figure {

  private static final double STAMPING_BAR = 200;
  private static final double ROUTING_BAR = 20;
  private static final int TIMES = 500;
  private static final int OPEN = 64;
  private static final Blocks BLOCKS = new Blocks(300, 100, 40);

  /** Keeps results from being optimised away. */
  private volatile long sink;

  @Override
  public String name() {
    return "P5";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    Run run = Run.create();
    Sandbox[] open = new Sandbox[OPEN];
    Hop.Content[] contents = new Hop.Content[OPEN];
    for (int i = 0; i < OPEN; i++) {
      open[i] = run.open(Sandbox.Settings.of("Benchmarks.p5", Isolation.NONE, this));
      contents[i] = content(open[i]);
    }
    AMQP.BasicProperties properties =
        new AMQP.BasicProperties.Builder()
            .contentType("application/json")
            .headers(Map.of("tenant", "acme", "attempt", 1))
            .build();
    line(
        "P5a",
        STAMPING_BAR,
        i -> StampingProbe.stamp(open[i % OPEN], properties).getHeaders().size(),
        report);
    line("P5b", ROUTING_BAR, i -> run.sandboxOf(contents[i % OPEN]) == open[0] ? 1 : 0, report);
    for (Sandbox sandbox : open) {
      run.end(sandbox, null);
    }
  }

  private static Hop.Content content(Sandbox sandbox) {
    return new Hop.Content(
        Hop.Direction.RECEIVED,
        "scoring.results",
        new Hop.Route("", "scoring.results"),
        Map.of(Propagation.HEADER, sandbox.id().value(), "tenant", "acme"),
        new byte[0],
        Hop.Ids.NONE);
  }

  private interface Step {

    long on(int number);
  }

  private void line(String figure, double bar, Step step, Report report) throws Exception {
    Comparison comparison =
        report.quiet(
            "%d × %s".formatted(TIMES, figure), BLOCKS, () -> repeat(i -> i), () -> repeat(step));
    report.line(Line.absolute(figure, comparison.extraNanos() / TIMES, bar, "ns"));
  }

  private void repeat(Step step) {
    long sum = 0;
    for (int i = 0; i < TIMES; i++) {
      sum += step.on(i);
    }
    sink += sum;
  }
}
