package io.sandpiper.example;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;

/** The worker in JavaScript, with the packages that it needs. */
final class Node {

  private static final List<String> FILES =
      List.of("package.json", "package-lock.json", "worker.js");

  private Node() {}

  /**
   * Installs the worker beside its packages, in a copy.
   *
   * <p>Where there is no Node.js, or its registry is out of reach, the test is aborted and says
   * why: then the other tests are worth running. With {@code -Dexample.node=required} it fails.
   *
   * @return where the worker is
   */
  static Path install(Path directory) {
    try {
      for (String file : FILES) {
        Files.copy(
            Python.exampleDirectory().resolve("node-worker").resolve(file),
            directory.resolve(file));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    run(directory, "node", "--version");
    run(
        directory,
        "npm",
        "ci",
        "--omit=dev",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline");
    return directory;
  }

  private static void run(Path directory, String... command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .start();
      process.getOutputStream().close();
      String output =
          process.inputReader(StandardCharsets.UTF_8).lines().collect(Collectors.joining("\n"));
      if (process.waitFor() != 0) {
        missing("\"%s\" failed: %s".formatted(String.join(" ", command), output));
      }
    } catch (IOException e) {
      missing("\"%s\" cannot be run: %s".formatted(command[0], e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while the worker was installed", e);
    }
  }

  private static void missing(String what) {
    String reason =
        ("The worker in JavaScript cannot be run, %s. Install Node.js 18 or newer with npm (Debian:"
                + " apt-get install nodejs npm), and see to it that npm reaches its registry.")
            .formatted(what);
    if ("required".equals(System.getProperty("example.node"))) {
      fail(reason);
    }
    System.out.println("NodeWorkerContractTests is skipped. " + reason);
    Assumptions.abort(reason);
  }
}
