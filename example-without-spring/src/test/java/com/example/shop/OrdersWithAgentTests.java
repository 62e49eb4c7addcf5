package com.example.shop;

import static io.sandpiper.SandboxAssertions.assertEventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.sandpiper.Sandboxed;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Sandboxed
@Tag("agent")
class OrdersWithAgentTests {

  private static final ExecutorService WORKERS = Executors.newFixedThreadPool(2);

  private final Orders orders = new Orders(ShopDatabase.POOL, WORKERS);

  @RepeatedTest(8)
  void an_order_is_confirmed_in_the_background() {
    long order = orders.place("bolt");

    assertEventually(() -> assertThat(orders.isConfirmed(order)).isTrue());
    assertThat(orders.count("bolt")).isEqualTo(1);
  }

  @Test
  void the_body_of_a_preemptive_timeout_works_in_the_sandbox() {
    orders.place("nut");

    assertTimeoutPreemptively(
        Duration.ofSeconds(20), () -> assertThat(orders.count("nut")).isEqualTo(1));
  }
}
