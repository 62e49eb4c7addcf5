package io.sandpiper.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The program behind {@code benchmarks/run}. */
public final class Benchmarks {

  private static final List<Figure> FIGURES =
      List.of(
          new OpeningFigure(),
          new StatementsFigure(),
          new TransactionFigure(),
          new RoundTripFigure(),
          new StampingFigure(),
          new CallFigure(),
          new CloneFigure(),
          new DropFigure(),
          new BlockerFigure());

  private Benchmarks() {}

  /**
   * Measures, and exits with 0 where every bar is kept and 1 where not.
   *
   * @param arguments {@code --save} and a directory for the results, names of figures; without
   *     names all
   */
  public static void main(String... arguments) throws Exception {
    List<String> names = new ArrayList<>(Arrays.asList(arguments));
    Path results = results(names);
    Report report = new Report(System.out, System.err);
    List<Figure> chosen = chosen(names);
    report.say("starting the server");
    try (Bench bench = new Bench()) {
      for (Figure figure : chosen) {
        report.say(figure.name());
        figure.measure(bench, report);
      }
      save(report, bench, results);
    }
    System.exit(report.allOk() ? 0 : 1);
  }

  private static @Nullable Path results(List<String> arguments) {
    int at = arguments.indexOf("--save");
    if (at < 0) {
      return null;
    }
    Path directory = Path.of(arguments.get(at + 1));
    arguments.subList(at, at + 2).clear();
    return directory;
  }

  private static List<Figure> chosen(List<String> names) {
    List<String> known = FIGURES.stream().map(Figure::name).toList();
    if (!known.containsAll(names)) {
      throw new IllegalArgumentException("Of %s some are none of %s".formatted(names, known));
    }
    return FIGURES.stream()
        .filter(figure -> names.isEmpty() || names.contains(figure.name()))
        .toList();
  }

  private static void save(Report report, Bench bench, @Nullable Path directory)
      throws IOException {
    if (directory != null) {
      Path file = new Conditions(bench.server()).save(report.lines(), directory);
      report.say("saved as " + file);
    }
  }
}
