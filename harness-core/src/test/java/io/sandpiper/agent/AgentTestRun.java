package io.sandpiper.agent;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.ClassSelector;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The main class of {@link AgentJvm}: runs test classes and writes what became of each test. */
final class AgentTestRun {

  private AgentTestRun() {}

  /** The file for the results, then the test classes. */
  public static void main(String... arguments) throws IOException {
    Queue<String> outcomes = new ConcurrentLinkedQueue<>();
    List<ClassSelector> classes =
        Stream.of(arguments).skip(1).map(name -> selectClass(name)).toList();
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request().selectors(classes).build();
    LauncherFactory.create().execute(request, new Outcomes(outcomes));
    Files.write(Path.of(arguments[0]), outcomes);
    // A test that has failed may leave threads.
    System.exit(0);
  }

  private record Outcomes(Queue<String> lines) implements TestExecutionListener {

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      if (test.isTest() || result.getThrowable().isPresent()) {
        add(test, result.getStatus().name(), result.getThrowable().map(Outcomes::text).orElse(""));
      }
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      add(test, "SKIPPED", reason);
    }

    private void add(TestIdentifier test, String status, String failure) {
      lines.add(new AgentJvm.Outcome(test.getDisplayName(), status, failure).line());
    }

    private static String text(Throwable failure) {
      StringWriter text = new StringWriter();
      failure.printStackTrace(new PrintWriter(text, true));
      return text.toString();
    }
  }
}
