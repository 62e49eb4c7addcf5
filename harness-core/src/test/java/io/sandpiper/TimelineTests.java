package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The journal as a reader gets it. */
class TimelineTests {

  private final List<Journal.Entry> entries = new ArrayList<>();

  private void add(String who, String text) {
    entries.add(new Journal.Entry(Duration.ofMillis(entries.size()), who, text));
  }

  private String timeline() {
    return Timeline.of(0, entries);
  }

  @Test
  void what_happens_a_few_times_is_there_as_it_was() {
    add("test", "one");
    IntStream.range(0, 4).forEach(i -> add("test", "two"));

    assertThat(timeline())
        .isEqualTo(
            """
              +0.000s test      one
              +0.001s test      two
              +0.002s test      two
              +0.003s test      two
              +0.004s test      two
            """);
  }

  @Test
  void of_what_happens_again_and_again_the_first_times_and_the_last_are_there() {
    add("test", "sent q");
    for (int i = 0; i < 500; i++) {
      add("listener q", "failed: no");
      add("test", "SELECT 1");
    }
    add("listener q", "SELECT 1");
    add("test", "SELECT 1");

    assertThat(timeline())
        .isEqualTo(
            """
              +0.000s test      sent q
              +0.001s listener q failed: no
              +0.002s test      SELECT 1
              +0.003s listener q failed: no
              +0.004s test      SELECT 1
              +0.005s listener q failed: no
              +0.006s test      SELECT 1
              +0.999s listener q failed: no  (the last of 500 times)
              +1.001s listener q SELECT 1
              +1.002s test      SELECT 1  (the last of 501 times)
            """);
  }

  @Test
  void of_very_many_entries_the_first_and_the_last_are_there() {
    IntStream.range(0, 10_000).forEach(i -> add("test", "entry " + i));

    assertThat(timeline().lines())
        .hasSize(501)
        .contains("  +0.099s test      entry 99", "  +9.600s test      entry 9600")
        .endsWith("  +9.999s test      entry 9999")
        .element(100)
        .isEqualTo("  … 9500 lines left out; Sandbox.journal() has all");
    assertThat(Timeline.of(7, List.of())).isEqualTo("  … 7 earlier entries\n");
  }
}
