package io.sandpiper.example;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The Python that the worker runs on, and where the worker is. */
final class Python {

  private Python() {}

  /** A process to be started in the worker's directory, with the worker's package to import. */
  static ProcessBuilder command(String... arguments) {
    return command(Plain.FOUND, arguments);
  }

  /** As {@link #command}, by an interpreter that can write into a database. */
  static ProcessBuilder commandWithPsycopg2(String... arguments) {
    return command(WithPsycopg2.FOUND, arguments);
  }

  /** Why there is no interpreter that can write into a database, or null where there is one. */
  static @Nullable String whyNoPsycopg2() {
    return WithPsycopg2.FOUND.path == null ? WithPsycopg2.FOUND.output : null;
  }

  private static ProcessBuilder command(Found python, String... arguments) {
    if (python.path == null) {
      throw new IllegalStateException(python.output);
    }
    ProcessBuilder builder =
        new ProcessBuilder(Stream.concat(Stream.of(python.path), Stream.of(arguments)).toList());
    Path worker = exampleDirectory().resolve("worker").toAbsolutePath();
    builder.directory(worker.toFile());
    builder.environment().put("PYTHONPATH", worker.resolve("src").toString());
    return builder;
  }

  // Found once: a context each would ask, and they may have to be installed.

  private static final class Plain {
    private static final Found FOUND = Found.by();
  }

  private static final class WithPsycopg2 {
    private static final Found FOUND = Found.by("--database");
  }

  /** An interpreter, or null and what was said instead. */
  private record Found(@Nullable String path, String output) {

    static Found by(String... arguments) {
      List<String> command = new ArrayList<>();
      command.add(exampleDirectory().resolve("find-python").toAbsolutePath().toString());
      command.addAll(List.of(arguments));
      try {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        List<String> lines = process.inputReader(StandardCharsets.UTF_8).lines().toList();
        String output = String.join(System.lineSeparator(), lines);
        return new Found(process.waitFor() == 0 ? lines.get(lines.size() - 1) : null, output);
      } catch (IOException e) {
        throw new IllegalStateException("find-python could not be run: " + e.getMessage(), e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("Interrupted while find-python ran", e);
      }
    }
  }

  /** The directory of this module: Maven runs tests in it, an IDE may run them in the project. */
  static Path exampleDirectory() {
    Path here = Path.of("").toAbsolutePath();
    return Files.exists(here.resolve("find-python")) ? here : here.resolve("example-python-worker");
  }
}
