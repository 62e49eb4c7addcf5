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
  void what_happens_once_or_twice_is_there_as_it_was() {
    add("test", "one");
    add("test", "two");
    add("test", "two");

    assertThat(timeline())
        .isEqualTo(
            """
              +0.000s test      one
              +0.001s test      two
              +0.002s test      two
            """);
  }

  @Test
  void a_poll_that_is_repeated_is_there_once() {
    add("test", "before");
    IntStream.range(0, 300).forEach(i -> add("test", "SELECT 1"));
    add("other", "SELECT 1");

    assertThat(timeline())
        .isEqualTo(
            """
              +0.000s test      before
              +0.001s test      SELECT 1
              … the same 299 times more, until +0.300s
              +0.301s other     SELECT 1
            """);
  }

  @Test
  void a_message_that_fails_again_and_again_is_there_once_with_all_that_it_did() {
    add("test", "sent q");
    for (int i = 0; i < 1000; i++) {
      add("listener q", "received q");
      add("listener q", "INSERT INTO item");
      add("listener q", "failed: no");
    }
    add("listener q", "received q");
    add("test", "after");

    assertThat(timeline())
        .isEqualTo(
            """
              +0.000s test      sent q
              +0.001s listener q received q
              +0.002s listener q INSERT INTO item
              +0.003s listener q failed: no
              … the same 3 999 times more, until +3.000s
              +3.001s listener q received q
              +3.002s test      after
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
        .isEqualTo("  … 9500 lines left out; Sandbox.journal() has all entries");
    assertThat(Timeline.of(7, List.of())).isEqualTo("  … 7 earlier entries\n");
  }
}
