package io.sandpiper.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;

/**
 * Under what results were got, to be read beside them.
 *
 * @param server the server in one line
 */
record Conditions(String server) {

  /** Writes a file of its own for each run, named by its time. */
  Path save(List<Line> lines, Path directory) throws IOException {
    Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    StringBuilder text = new StringBuilder();
    text.append("date        ").append(now).append('\n');
    text.append("JDK         ").append(Runtime.version()).append('\n');
    text.append("processors  ").append(placement()).append('\n');
    text.append("server      ").append(withoutPort()).append("\n\n");
    lines.forEach(line -> text.append(line).append('\n'));
    Files.createDirectories(directory);
    return Files.writeString(
        directory.resolve(now.toString().replace(":", "") + ".txt"), text.toString());
  }

  private static String placement() {
    return switch (System.getProperty("benchmarks.placement", "free")) {
      case "two" -> "one for the client, another for the server";
      case "one" -> "one for client and server together";
      default -> String.format(Locale.ROOT, "%d, unpinned", availableProcessors());
    };
  }

  private static int availableProcessors() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** The port is another one each time. */
  private String withoutPort() {
    return server.replaceFirst(" on port \\d+$", "");
  }
}
