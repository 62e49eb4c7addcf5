package io.sandpiper.example;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The Python that the worker runs on, and where the worker is. */
final class Python {

  private Python() {}

  /** A process to be started in the worker's directory, with the worker's package to import. */
  static ProcessBuilder command(String... arguments) {
    ProcessBuilder builder =
        new ProcessBuilder(
            Stream.concat(Stream.of(Interpreter.PATH), Stream.of(arguments)).toList());
    Path worker = exampleDirectory().resolve("worker").toAbsolutePath();
    builder.directory(worker.toFile());
    builder.environment().put("PYTHONPATH", worker.resolve("src").toString());
    return builder;
  }

  /** Found once: a context each would ask, and it may have to be installed. */
  private static final class Interpreter {
    private static final String PATH = find();

    private static String find() {
      ProcessBuilder finder =
          new ProcessBuilder(exampleDirectory().resolve("find-python").toAbsolutePath().toString());
      try {
        Process process = finder.redirectErrorStream(true).start();
        List<String> output = process.inputReader(StandardCharsets.UTF_8).lines().toList();
        if (process.waitFor() != 0) {
          throw new IllegalStateException(String.join(System.lineSeparator(), output));
        }
        return output.get(output.size() - 1);
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
