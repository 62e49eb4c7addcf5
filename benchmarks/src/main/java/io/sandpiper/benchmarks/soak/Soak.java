package io.sandpiper.benchmarks.soak;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The program behind {@code benchmarks/soak}: round trips of many tests at a time in several JVMs,
 * which share their queues and their database, through a worker that duplicates and delays, over
 * connections that are cut.
 */
public final class Soak {

  private static final Duration BETWEEN_CUTS = Duration.ofMillis(700);
  private static final Duration STARTED_WITHIN = Duration.ofSeconds(90);
  private static final Duration TO_EMPTY = Duration.ofSeconds(30);

  private final long trips;
  private final int parallel;
  private final int jvms;
  private final Random random;

  Soak(long trips, int parallel, int jvms, long seed) {
    this.trips = trips;
    this.parallel = parallel;
    this.jvms = jvms;
    this.random = new Random(seed);
  }

  /**
   * Runs, and exits with 0 where nothing was crossed, lost or left, and 1 where something was.
   *
   * @param arguments how many round trips, how many tests at a time, how many JVMs, and a seed
   */
  public static void main(String... arguments) throws Exception {
    Result result =
        new Soak(
                Long.parseLong(arguments[0]),
                Integer.parseInt(arguments[1]),
                Integer.parseInt(arguments[2]),
                Long.parseLong(arguments[3]))
            .run();
    System.out.println(result);
    System.exit(result.ok() ? 0 : 1);
  }

  /**
   * What a soak came to.
   *
   * @param tally the sum over all JVMs
   * @param cuts how many connections were cut
   * @param rowsLeft rows that no sandbox has rolled back
   * @param messagesLeft messages that are in the queues at the end
   * @param took how long the round trips took
   */
  record Result(Tally tally, int cuts, long rowsLeft, long messagesLeft, Duration took) {

    boolean ok() {
      return tally.crossed.get() == 0
          && tally.lost.get() == 0
          && tally.failed.get() == 0
          && rowsLeft == 0
          && messagesLeft == 0;
    }

    @Override
    public String toString() {
      return "P13 %d round trips in %d s, %d connections cut, %d requests asked twice: %d crossed, %d lost, %d ends failed, %d rows and %d messages left: %s"
          .formatted(
              tally.trips.get(),
              took.toSeconds(),
              cuts,
              tally.resent.get(),
              tally.crossed.get(),
              tally.lost.get(),
              tally.failed.get(),
              rowsLeft,
              messagesLeft,
              ok() ? "ok" : "short");
    }
  }

  Result run() throws Exception {
    try (SoakServers servers = new SoakServers();
        SoakWorker worker = new SoakWorker(servers.factory(), random.nextLong())) {
      Tally tally = new Tally();
      List<Child> children = new ArrayList<>();
      try {
        for (int i = 0; i < jvms; i++) {
          children.add(new Child(servers.settings(), trips / jvms, parallel / jvms, tally));
        }
        for (Child child : children) {
          child.ready().get(STARTED_WITHIN.toSeconds(), TimeUnit.SECONDS);
        }
        long start = System.nanoTime();
        int cuts = cutUntilDone(servers.proxy(), children);
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        long messages = emptied(servers);
        return new Result(tally, cuts, servers.rowsLeft(), messages, took);
      } finally {
        children.forEach(Child::end);
      }
    }
  }

  private int cutUntilDone(CuttingProxy proxy, List<Child> children) throws Exception {
    CompletableFuture<Void> all =
        CompletableFuture.allOf(
            children.stream().map(Child::done).toArray(CompletableFuture<?>[]::new));
    CountDownLatch done = new CountDownLatch(1);
    all.whenComplete((none, failed) -> done.countDown());
    int cuts = 0;
    while (!done.await(BETWEEN_CUTS.toMillis(), TimeUnit.MILLISECONDS)) {
      if (proxy.cutOne(random)) {
        cuts++;
      }
    }
    all.get();
    return cuts;
  }

  /** How many messages stay, although there is somebody for each. */
  private static long emptied(SoakServers servers) throws Exception {
    long deadline = System.nanoTime() + TO_EMPTY.toNanos();
    CountDownLatch never = new CountDownLatch(1);
    long left;
    do {
      left =
          servers.messagesIn(SoakApplication.REQUESTS)
              + servers.messagesIn(SoakApplication.REPLIES);
    } while (left > 0 && System.nanoTime() < deadline && !never.await(100, TimeUnit.MILLISECONDS));
    return left;
  }

  /** A JVM that runs a part of the tests. */
  private static final class Child {

    private final Process process;
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    Child(List<String> settings, long trips, int parallel, Tally tally) throws IOException {
      List<String> command = new ArrayList<>();
      command.add(ProcessHandle.current().info().command().orElse("java"));
      command.addAll(List.of("-XX:+UseParallelGC", "-XX:TieredStopAtLevel=1"));
      command.addAll(
          List.of("-cp", System.getProperty("java.class.path"), SoakJvm.class.getName()));
      command.addAll(List.of(Long.toString(trips), Integer.toString(parallel)));
      command.addAll(settings);
      command.addAll(
          List.of(
              "--sandpiper.enabled=true",
              "--spring.main.web-application-type=none",
              "--spring.main.banner-mode=off",
              "--spring.rabbitmq.publisher-confirm-type=simple",
              "--spring.datasource.hikari.maximum-pool-size=8",
              "--logging.level.root=error"));
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      Thread reader = new Thread(() -> read(tally), "soak-output");
      reader.setDaemon(true);
      reader.start();
    }

    private void read(Tally tally) {
      try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
        for (String line = output.readLine(); line != null; line = output.readLine()) {
          if (line.equals(SoakJvm.READY)) {
            ready.complete(null);
          } else if (tally.addLine(line)) {
            done.complete(null);
          } else {
            System.err.println(line);
          }
        }
        failed(new IllegalStateException("A JVM of the soak ended with " + process.waitFor()));
      } catch (IOException | InterruptedException failed) {
        failed(failed);
      }
    }

    private void failed(Exception failure) {
      ready.completeExceptionally(failure);
      done.completeExceptionally(failure);
    }

    CompletableFuture<Void> ready() {
      return ready;
    }

    CompletableFuture<Void> done() {
      return done;
    }

    /** It ends when nobody writes to it any more. */
    void end() {
      try {
        process.getOutputStream().close();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (IOException | InterruptedException failed) {
        process.destroyForcibly();
      }
    }
  }
}
