package io.sandpiper.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BlocksTests {

  private final List<String> calls = new ArrayList<>();
  private long clock;

  @Test
  void the_ratio_is_that_of_neighbouring_blocks_and_what_drifts_does_not_count() throws Exception {
    // Everything gets slower all the time; the sandbox takes half as long again.
    Comparison comparison =
        new Blocks(300, 3, 10)
            .compare(
                () -> clock += 1000 + clock / 1000, () -> clock += 1500 + clock / 667, () -> clock);

    assertThat(comparison.ratio()).isCloseTo(1.5, within(0.02));
  }

  @Test
  void one_unit_costs_the_median_of_the_blocks_divided_by_their_units() throws Exception {
    Comparison comparison =
        new Blocks(9, 2, 10).compare(() -> clock += 200, () -> clock += 230, () -> clock);

    assertThat(comparison).isEqualTo(new Comparison(1.15, 1, 200, 30));
    assertThat(comparison.isQuiet()).isTrue();
  }

  @Test
  void a_round_that_somebody_disturbed_does_not_change_the_result() throws Exception {
    int[] units = new int[1];
    Comparison comparison =
        new Blocks(9, 0, 10)
            .compare(
                () -> clock += 200, () -> clock += units[0]++ == 5 ? 1_000_000 : 230, () -> clock);

    assertThat(comparison.ratio()).isEqualTo(1.15);
  }

  @Test
  void the_blocks_of_a_round_take_turns_in_being_the_first() throws Exception {
    new Blocks(3, 0, 1).compare(side("p"), side("s"), () -> clock);

    assertThat(calls)
        .containsExactly(
            "p+", "p", "p", "p", "p-", "s+", "s", "s", "s", "s-", "p+", "p", "p", "p", "p-", //
            "s+", "s", "s", "s", "s-", "p+", "p", "p", "p", "p-", "p+", "p", "p", "p", "p-", //
            "p+", "p", "p", "p", "p-", "p+", "p", "p", "p", "p-", "s+", "s", "s", "s", "s-");
  }

  @Test
  void what_a_block_needs_is_undone_when_its_work_fails() {
    Side broken =
        new Side() {
          @Override
          public void unit() {
            throw new IllegalStateException("broken");
          }

          @Override
          public void after() {
            calls.add("after");
          }
        };

    assertThat(catchThrowable(() -> new Blocks(1, 0, 1).compare(broken, side("s"), () -> clock)))
        .hasMessage("broken");
    assertThat(calls).containsExactly("after");
  }

  @Test
  void the_median_of_an_even_number_of_values_lies_between_the_middle_ones() {
    assertThat(Quantile.median(4, 1, 3, 2)).isEqualTo(2.5);
    assertThat(Quantile.median(9, 1, 5)).isEqualTo(5);
    assertThat(Quantile.of(0.99, 3, 1, 2)).isCloseTo(2.98, within(1e-9));
  }

  private Side side(String name) {
    return new Side() {
      @Override
      public void before() {
        calls.add(name + "+");
      }

      @Override
      public void unit() {
        calls.add(name);
      }

      @Override
      public void after() {
        calls.add(name + "-");
      }
    };
  }
}
