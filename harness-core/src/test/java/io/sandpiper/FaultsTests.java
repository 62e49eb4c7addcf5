package io.sandpiper;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Hop.Direction;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class FaultsTests {

  private final Run run = Run.create();
  private final Sandbox mine = open();
  private final Sandbox neighbour = open();
  private final List<String> putBack = new ArrayList<>();

  private Sandbox open() {
    return run.open(
        Sandbox.Settings.of("T.disturbs", Isolation.NONE, this).withDrain(Duration.ofMillis(50)));
  }

  private static Hop.Content content(Sandbox sandbox, String body) {
    return new Hop.Content(
        Direction.RECEIVED,
        "q",
        null,
        Map.of(Propagation.HEADER, sandbox.id().value()),
        body.getBytes(StandardCharsets.UTF_8),
        Hop.Ids.NONE);
  }

  private @Nullable Disturbance deliver(Sandbox sandbox, String body) {
    Disturbance disturbance = run.disturb(content(sandbox, body));
    if (disturbance != null) {
      disturbance.act(
          (delay, redelivered) ->
              putBack.add(body + " in " + delay.toMillis() + (redelivered ? " again" : "")));
    }
    return disturbance;
  }

  private boolean handled(String body) {
    Disturbance disturbance = deliver(mine, body);
    return disturbance == null || disturbance.handled();
  }

  @Test
  void each_fault_happens_once_to_the_next_message_that_matches() {
    mine.faults().on(received("q").json("/n", 2)).duplicate(3);
    mine.faults().on(received("q").json("/n", 2)).delay(Duration.ofMillis(70));
    mine.faults().on(received("q").json("/n", 3)).drop();
    mine.faults().on(received("q").json("/n", 4)).redeliver();

    assertThat(deliver(neighbour, "{\"n\":2}")).isNull();
    assertThat(deliver(mine, "{\"n\":1}")).isNull();
    assertThat(handled("{\"n\":2}")).isTrue();
    assertThat(handled("{\"n\":2}")).isFalse();
    assertThat(deliver(mine, "{\"n\":2}")).isNull();
    assertThat(handled("{\"n\":3}")).isFalse();
    assertThat(handled("{\"n\":4}")).isTrue();
    assertThat(putBack)
        .containsExactly(
            "{\"n\":2} in 0", "{\"n\":2} in 0", "{\"n\":2} in 70", "{\"n\":4} in 0 again");
    assertThat(mine.journal().toString()).contains("fault: duplicate(3) of received on \"q\"");
    assertThat(neighbour.journal().toString()).doesNotContain("fault");
  }

  @Test
  void two_messages_change_places() {
    mine.faults().on(received("q")).reorder();
    assertThat(handled("first")).isFalse();
    assertThat(deliver(neighbour, "not mine")).isNull();
    assertThat(putBack).isEmpty();
    assertThat(handled("second")).isTrue();
    assertThat(putBack).containsExactly("first in 0");
    assertThat(deliver(mine, "third")).isNull();
    run.end(mine, null);
  }

  @Test
  void a_message_that_no_other_follows_fails_the_test() {
    mine.faults().on(received("q")).reorder();
    assertThat(handled("only")).isFalse();
    assertThatThrownBy(() -> run.end(mine, null))
        .hasMessageContaining("message that reorder() holds until the next one has come");
  }

  @Test
  void what_makes_no_sense_is_refused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> mine.faults().on(sent("q")))
        .withMessageContaining("received(…)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> mine.faults().on(received("q")).duplicate(1))
        .withMessageContaining("at least 2");
    assertThat(mine.faults().disturb(content(mine, ""))).isNull();
  }
}
