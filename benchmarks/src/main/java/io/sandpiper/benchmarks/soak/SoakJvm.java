package io.sandpiper.benchmarks.soak;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;

import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** One of the JVMs of a soak: an application, and tests of it that run at once. */
final class SoakJvm {

  /** What it prints once it is started. */
  static final String READY = "SOAK ready";

  private static final int TRIPS_A_TEST = 10;
  private static final int ATTEMPTS = 40;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final ConfigurableApplicationContext context;
  private final SoakApplication application;
  private final Tally tally = new Tally();
  private final AtomicLong left;
  private final AtomicLong tests = new AtomicLong();

  private SoakJvm(ConfigurableApplicationContext context, long trips) {
    this.context = context;
    this.application = context.getBean(SoakApplication.class);
    this.left = new AtomicLong(trips);
  }

  /**
   * Runs tests until their round trips are done, and prints a {@link Tally}.
   *
   * @param arguments how many round trips, how many tests at a time, then those of Spring Boot
   */
  public static void main(String... arguments) throws Exception {
    String[] ofSpring = List.of(arguments).subList(2, arguments.length).toArray(String[]::new);
    try (ConfigurableApplicationContext context =
        SpringApplication.run(SoakApplication.class, ofSpring)) {
      SoakJvm jvm = new SoakJvm(context, Long.parseLong(arguments[0]));
      System.out.println(READY);
      jvm.run(Integer.parseInt(arguments[1]));
      System.out.println(jvm.tally);
      // The worker may still answer what was asked twice; whoever starts this says when it is over.
      while (System.in.read() >= 0) {
        continue;
      }
    }
    System.exit(0);
  }

  private void run(int parallel) throws InterruptedException {
    ExecutorService threads = Executors.newFixedThreadPool(parallel);
    for (int i = 0; i < parallel; i++) {
      threads.execute(this::tests);
    }
    threads.shutdown();
    while (!threads.awaitTermination(10, TimeUnit.SECONDS)) {
      System.err.println(tally);
    }
  }

  private void tests() {
    while (left.getAndAdd(-TRIPS_A_TEST) > 0) {
      test("Soak.test_%d".formatted(tests.incrementAndGet()));
    }
  }

  private void test(String name) {
    Run run = Run.ofThisJvm();
    Sandbox sandbox = run.open(Sandbox.Settings.of(name, Isolation.TRANSACTION, context));
    sandbox.home(context);
    Throwable failure = null;
    try (Scope scope = sandbox.test().bind()) {
      roundTrips(sandbox.id() + "/");
    } catch (RuntimeException | Error failed) {
      failure = failed;
      tally.failed.incrementAndGet();
      failed.printStackTrace();
    }
    try {
      run.end(sandbox, failure);
    } catch (AssertionError failed) {
      tally.failed.incrementAndGet();
      failed.printStackTrace();
    }
  }

  private void roundTrips(String mine) {
    Set<String> open = new HashSet<>();
    for (int i = 0; i < TRIPS_A_TEST; i++) {
      open.add(mine + i);
    }
    Set<String> asked = Set.copyOf(open);
    ask(asked);
    for (Hop reply = reply(); reply != null; reply = open.isEmpty() ? null : reply()) {
      came(reply.text(), mine, open);
    }
    tally.lost.addAndGet(open.size());
    compareRows(mine, asked, open);
  }

  /** What the broker has confirmed nobody may lose. */
  private void ask(Set<String> tokens) {
    for (int attempt = 1; ; attempt++) {
      try {
        application.ask(tokens);
        return;
      } catch (RuntimeException cut) {
        if (attempt == ATTEMPTS) {
          throw cut;
        }
        tally.resent.addAndGet(tokens.size());
      }
    }
  }

  private static @Nullable Hop reply() {
    try {
      return assertReceive(received(SoakApplication.REPLIES), PATIENCE);
    } catch (AssertionError none) {
      if (none.getCause() != null) {
        throw none;
      }
      return null;
    }
  }

  private void came(String token, String mine, Set<String> open) {
    if (!token.startsWith(mine)) {
      tally.crossed.incrementAndGet();
    } else if (open.remove(token)) {
      tally.trips.incrementAndGet();
    }
  }

  private void compareRows(String mine, Set<String> asked, Set<String> lost) {
    List<@Nullable String> rows = application.answers();
    tally.crossed.addAndGet(
        rows.stream().filter(row -> row == null || !row.startsWith(mine)).count());
    tally.lost.addAndGet(
        asked.stream().filter(token -> !lost.contains(token) && !rows.contains(token)).count());
  }
}
