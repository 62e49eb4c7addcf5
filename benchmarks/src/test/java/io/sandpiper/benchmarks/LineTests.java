package io.sandpiper.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LineTests {

  private final ByteArrayOutputStream results = new ByteArrayOutputStream();
  private final Report report =
      new Report(
          new PrintStream(results, true, StandardCharsets.UTF_8),
          new PrintStream(OutputStream.nullOutputStream()));

  @Test
  void a_ratio_is_printed_beside_its_bar() {
    report.line(Line.ratio("P1", comparison(1.243, 1.01), 1.30));
    report.line(Line.ratio("P2a", comparison(1.0506, 1.01), 1.05));
    report.line(Line.ratio("P3a", comparison(0.5, 1.04), 0.60));

    assertThat(results.toString(StandardCharsets.UTF_8))
        .isEqualToNormalizingNewlines(
            """
            P1 1.243 bar 1.30 ok
            P2a 1.051 bar 1.05 short
            P3a 0.500 bar 0.60 noisy
            """);
  }

  @Test
  void an_absolute_figure_is_printed_with_its_unit() {
    assertThat(Line.absolute("P6", 31.4, 50, "ns")).hasToString("P6 31 ns bar 50 ns ok");
    assertThat(Line.absolute("P10", 7.13, 20, "ms")).hasToString("P10 7.1 ms bar 20 ms ok");
    assertThat(Line.absolute("P1b", 3, 2, "round trips"))
        .hasToString("P1b 3 round trips bar 2 round trips short");
    assertThat(Line.absolute("P6", 31.4, 50, "ns").judged(false))
        .hasToString("P6 31 ns bar 50 ns noisy");
  }

  @Test
  void all_is_well_only_where_every_bar_is_kept() {
    report.line(Line.absolute("P6", 31, 50, "ns"));
    assertThat(report.allOk()).isTrue();

    report.line(Line.absolute("P6", 31, 50, "ns").judged(false));
    assertThat(report.allOk()).isFalse();
  }

  @Test
  void a_busy_machine_is_measured_again_until_it_is_quiet() throws Exception {
    Iterator<Comparison> series =
        List.of(comparison(1, 1.2), comparison(2, 0.9), comparison(3, 1), comparison(4, 1))
            .iterator();

    assertThat(report.quiet("work", series::next).ratio()).isEqualTo(3);
  }

  @Test
  void a_machine_that_stays_busy_is_given_up_on() throws Exception {
    Comparison comparison = report.quiet("work", () -> comparison(1, 1.2));

    assertThat(comparison.isQuiet()).isFalse();
  }

  @Test
  void results_are_saved_with_the_conditions_they_were_got_under(@TempDir Path directory)
      throws Exception {
    Path file =
        new Conditions("embedded PostgreSQL 18.6 on port 5432")
            .save(List.of(Line.absolute("P6", 31, 50, "ns")), directory);

    assertThat(Files.readString(file))
        .contains("JDK         " + Runtime.version())
        .contains("server      embedded PostgreSQL 18.6\n")
        .endsWith("\nP6 31 ns bar 50 ns ok\n");
  }

  private static Comparison comparison(double ratio, double nullRatio) {
    return new Comparison(ratio, nullRatio, 100, 1);
  }
}
