package io.sandpiper.amqp;

import io.sandpiper.Run;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.springframework.context.ConfigurableApplicationContext;

/** Another JVM with the same application on the same broker; told what to do by lines of text. */
final class StrayJvm implements AutoCloseable {

  private final Process process;
  private final PrintWriter commands;
  private final BufferedReader answers;
  private final String run;

  StrayJvm(String uri) throws Exception {
    this(uri, HomeLife.USUAL, 250);
  }

  /**
   * Starts it.
   *
   * @param prefetch how many messages each consumer of its listeners is given ahead
   */
  StrayJvm(String uri, HomeLife life, int prefetch) throws Exception {
    process =
        new ProcessBuilder(
                java.nio.file.Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                StrayJvm.class.getName(),
                uri,
                life.patience().toString(),
                String.valueOf(prefetch))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    commands =
        new PrintWriter(
            new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8), true);
    answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    run = answer();
  }

  String run() {
    return run;
  }

  void begin(int tests, int messages) {
    commands.println("%d %d".formatted(tests, messages));
  }

  /** The next line for us; the log of the application may come between. */
  String answer() throws Exception {
    String line = answers.readLine();
    while (line != null && !line.startsWith("> ")) {
      line = answers.readLine();
    }
    return line == null ? "ended" : line.substring(2);
  }

  /** Lets it do nothing at all, as long as a debugger might. */
  void pause() throws Exception {
    signal("STOP");
  }

  void resume() throws Exception {
    signal("CONT");
  }

  private void signal(String name) throws Exception {
    Process sender = new ProcessBuilder("kill", "-" + name, "" + process.pid()).inheritIO().start();
    if (sender.waitFor() != 0) {
      throw new IllegalStateException("%s was not sent to JVM %d".formatted(name, process.pid()));
    }
  }

  void kill() throws Exception {
    process.destroyForcibly().waitFor();
  }

  /** Lets it come to its end; that it does not is a failure. */
  @Override
  public void close() throws Exception {
    commands.close();
    if (!process.waitFor(20, TimeUnit.SECONDS)) {
      kill();
      throw new AssertionError("The JVM did not end by itself, and was killed.");
    }
  }

  /** Runs tests as often as it is told to, until it is told nothing more. */
  public static void main(String[] args) throws Exception {
    Homes.of(Run.ofThisJvm(), new HomeLife(Duration.parse(args[1])));
    try (ConfigurableApplicationContext context =
        StrayApplication.start(args[0], "--test.prefetch=" + args[2])) {
      System.out.println("> " + Run.ofThisJvm().name());
      BufferedReader commands =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        String[] numbers = line.split(" ");
        List<String> wrong =
            tests(context, Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
        System.out.println("> " + wrong);
      }
    }
  }

  /** Runs tests at once. */
  static List<String> tests(ConfigurableApplicationContext context, int tests, int messages)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(tests);
    try {
      List<Future<List<String>>> running = new ArrayList<>();
      for (int i = 0; i < tests; i++) {
        running.add(threads.submit(() -> StrayApplication.test(context, messages)));
      }
      List<String> wrong = new ArrayList<>();
      for (Future<List<String>> test : running) {
        wrong.addAll(test.get(90, TimeUnit.SECONDS));
      }
      return wrong;
    } finally {
      threads.shutdown();
    }
  }
}
