package com.example.shop;

import static io.sandpiper.SandboxAssertions.assertEventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

@Sandboxed
class OrdersTests {

  private static final ExecutorService WORKERS = Sandbox.wrap(Executors.newFixedThreadPool(2));

  private final Orders orders = new Orders(ShopDatabase.POOL, WORKERS);

  @Test
  void an_order_is_confirmed_in_the_background() {
    long order = orders.place("bolt");

    assertEventually(() -> assertThat(orders.isConfirmed(order)).isTrue());
  }

  @RepeatedTest(8) // at once, in eight sandboxes
  void a_test_sees_its_own_orders_only() {
    orders.place("nut");
    orders.place("nut");

    assertThat(orders.count("nut")).isEqualTo(2);
  } // its end waits for both confirmations, and rolls back
}
