package io.sandpiper.agent;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.time.Duration;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

/**
 * Calls of classes that nobody made known; run by {@link AgentTests} with and without the agent.
 */
@Sandboxed(isolation = Isolation.NONE)
class WatchedClasses {

  /** Watched by tests. */
  static class Orders {

    int place(String item, int count) {
      return check(count) * 10;
    }

    private int check(int count) {
      if (count < 1) {
        throw new IllegalArgumentException("count " + count);
      }
      return count;
    }

    void close() {}
  }

  /** Overrides and hands on. */
  static class UrgentOrders extends Orders {

    @Override
    int place(String item, int count) {
      return super.place(item, count) + 1;
    }
  }

  /** What only its implementations do. */
  interface Port {

    void send(String text);

    default void sendTwice(String text) {
      send(text);
      send(text);
    }
  }

  private static final class Mail implements Port {

    @Override
    public void send(String text) {}
  }

  @Test
  void calls_of_a_class_are_recorded_with_arguments_and_outcome(Sandbox sandbox) {
    Orders orders = new Orders();
    orders.place("before", 1);
    sandbox.watch(Orders.class);
    orders.place("bolt", 2);
    assertThat(assertReceive(called(Orders.class, "place").json("/0", "bolt").json("/1", 2)))
        .extracting(call -> call.header("outcome"))
        .isEqualTo("returned 20");
    refuteReceive(called(Orders.class, "place"), Duration.ZERO);
    orders.close();
    assertThat(assertReceive(called(Orders.class, "close")).header("outcome"))
        .isEqualTo("returned");
    assertThatThrownBy(() -> orders.place("nut", 0)).hasMessage("count 0");
    assertThat(assertReceive(called(Orders.class, "place")).header("outcome"))
        .asString()
        .isEqualTo("threw java.lang.IllegalArgumentException: count 0");
  }

  @Test
  void a_subclass_that_hands_on_is_one_call(Sandbox sandbox) {
    sandbox.watch(Orders.class);
    assertThat(new UrgentOrders().place("bolt", 1)).isEqualTo(11);
    assertThat(assertReceive(called(Orders.class, "place")).header("outcome"))
        .isEqualTo("returned 11");
    refuteReceive(called(Orders.class, "place"), Duration.ZERO);
  }

  @Test
  void implementations_of_an_interface_are_watched(Sandbox sandbox) {
    Port port = new Mail();
    sandbox.watch(Port.class);
    port.sendTwice("hello");
    assertReceive(called(Port.class, "send").json("/0", "hello"));
    assertReceive(called(Port.class, "send").json("/0", "hello"));
    assertReceive(called(Port.class, "sendTwice"));
  }

  @Test
  void a_test_that_does_not_watch_records_nothing(Sandbox sandbox) {
    new Orders().place("bolt", 3);
    assertThat(sandbox.journal().entries()).isEmpty();
  }

  @Test
  void classes_of_the_jdk_are_refused(Sandbox sandbox) {
    assertThatThrownBy(() -> sandbox.watch(ArrayList.class))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("java.util.ArrayList")
        .hasMessageContaining("Watch the class that calls it");
  }
}
