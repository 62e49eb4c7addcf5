package io.sandpiper.spring;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.Latches.await;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.ScopedProxyMode;
import org.springframework.core.task.TaskExecutor;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.event.TransactionalEventListener;

/**
 * What people complain of who test asynchronous applications, each by its name, on an application
 * that knows nothing of the harness.
 */
@SpringBootTest
@Sandboxed
@Execution(ExecutionMode.CONCURRENT)
class StoryTests {

  @SpringBootApplication
  @EnableAsync
  @Import({Orders.class, Mails.class, Shipping.class, Statistics.class, Till.class})
  static class Application {

    @Bean
    CommandLineRunner migration(JdbcClient jdbc) {
      return arguments -> {
        jdbc.sql(Orders.TABLE).update();
        jdbc.sql("CREATE TABLE mail (order_id int REFERENCES placed)").update();
      };
    }
  }

  /** Finds the record that its task is about, some time later. */
  static class Mails {

    private final AtomicInteger sent = new AtomicInteger();
    private final JdbcClient jdbc;

    Mails(JdbcClient jdbc) {
      this.jdbc = jdbc;
    }

    @Async
    @TransactionalEventListener
    @Transactional(
        propagation = org.springframework.transaction.annotation.Propagation.REQUIRES_NEW)
    public void on(Orders.Placed placed) {
      int id =
          jdbc.sql("SELECT id FROM placed WHERE id = ?")
              .param(placed.id())
              .query(Integer.class)
              .single();
      jdbc.sql("INSERT INTO mail VALUES (?)").param(id).update();
      sent.incrementAndGet();
    }

    public int sent() {
      return sent.get();
    }
  }

  /** A state machine: each state is a task that submits the next one. */
  static class Shipping {

    private static final List<String> STATES = List.of("packed", "sent", "delivered");

    private final AtomicInteger shipped = new AtomicInteger();
    private final AtomicInteger delivered = new AtomicInteger();
    private final JdbcClient jdbc;
    private final TaskExecutor executor;

    Shipping(JdbcClient jdbc, TaskExecutor executor) {
      this.jdbc = jdbc;
      this.executor = executor;
    }

    public void ship(int id) {
      shipped.incrementAndGet();
      executor.execute(() -> enter(id, 0));
    }

    public int notDelivered() {
      return shipped.get() - delivered.get();
    }

    private void enter(int id, int state) {
      int changed =
          jdbc.sql("UPDATE placed SET state = ? WHERE id = ?")
              .param(STATES.get(state))
              .param(id)
              .update();
      if (changed != 1) {
        throw new IllegalStateException("The order is gone.");
      }
      if (state + 1 < STATES.size()) {
        executor.execute(() -> enter(id, state + 1));
      } else {
        delivered.incrementAndGet();
      }
    }
  }

  /** Uses the singleton, and knows nothing of the harness. */
  record Till(Statistics statistics) {

    void sell(int id) {
      statistics.count(id);
    }
  }

  /** A singleton with state, of which {@link PerTest} makes one a test. */
  static class Statistics {

    private final List<Integer> seen = new ArrayList<>();

    public synchronized void count(int id) {
      seen.add(id);
    }

    public synchronized List<Integer> seen() {
      return List.copyOf(seen);
    }
  }

  @TestConfiguration
  static class PerTest {

    @Bean
    @org.springframework.context.annotation.Scope(
        scopeName = "sandbox",
        proxyMode = ScopedProxyMode.TARGET_CLASS)
    @org.springframework.context.annotation.Primary
    Statistics statisticsOfTheTest() {
      return new Statistics();
    }
  }

  private final JdbcClient jdbc;
  private final Orders orders;

  StoryTests(@Autowired JdbcClient jdbc, @Autowired Orders orders) {
    this.jdbc = jdbc;
    this.orders = orders;
  }

  @AfterAll
  static void all_is_done_and_nothing_is_left(
      @Autowired JdbcClient jdbc,
      @Autowired Orders orders,
      @Autowired Mails mails,
      @Autowired Shipping shipping) {
    assertThat(mails.sent()).isPositive().isEqualTo(orders.placed());
    assertThat(shipping.notDelivered()).isZero();
    Orders.assertNothingIsLeft(jdbc, "placed", "mail");
  }

  /**
   * "Owner exited": the test ends while its task uses the connection. Here the end waits for it,
   * and a failure of the task would fail the test.
   */
  @RepeatedTest(5)
  void the_process_that_outlives_its_test(@Autowired TaskExecutor executor) {
    CountDownLatch begun = new CountDownLatch(1);
    int key = Orders.key();
    orders.place(key);
    executor.execute(
        () -> {
          begun.countDown();
          awaitNothing();
          assertThat(jdbc.sql("SELECT id FROM placed").query(Integer.class).list())
              .containsExactly(key);
        });
    await(begun);
  }

  @RepeatedTest(5)
  void the_record_that_is_gone_when_the_task_looks_for_it() {
    // Nobody waits for the mail; were the order rolled back first, its task would fail the test.
    orders.place(Orders.key());
    orders.place(Orders.key() + 1);
  }

  @RepeatedTest(5)
  @Sandboxed(isolation = Isolation.DATABASE)
  void the_record_that_is_gone_when_the_task_looks_for_it_with_real_commits() {
    orders.place(Orders.key());
  }

  /** No block around the body opens or closes anything, and what is asserted is in the test. */
  @RepeatedTest(5)
  void the_wrapper_around_the_test_body(Sandbox sandbox) {
    sandbox.watch(Mails.class);
    orders.place(Orders.key());
    assertReceive(called(Mails.class, "on").json("/0/id", Orders.key()));
    assertThat(jdbc.sql("SELECT order_id FROM mail").query(Integer.class).list())
        .containsExactly(Orders.key());
  }

  /** Nothing is configured to be synchronous, and no executor is replaced. */
  @RepeatedTest(5)
  void test_only_code_in_the_application(@Autowired TaskExecutor executor) throws Exception {
    Queue<Object> seen = new ConcurrentLinkedQueue<>();
    CountDownLatch ran = new CountDownLatch(1);
    executor.execute(
        () -> {
          seen.add(Thread.currentThread());
          seen.add(Sandbox.current());
          ran.countDown();
        });
    await(ran);
    assertThat(seen).doesNotContain(Thread.currentThread()).contains(Sandbox.current());
    for (Class<?> type : List.of(Orders.class, Mails.class, Shipping.class)) {
      assertThat(type.getDeclaredFields())
          .noneMatch(field -> field.getType().getName().startsWith("io.sandpiper.Sandbox"));
    }
  }

  @RepeatedTest(5)
  void a_test_that_ends_while_its_state_machine_still_does_its_final_work(
      @Autowired Shipping shipping) {
    orders.place(Orders.key());
    shipping.ship(Orders.key());
  }

  @RepeatedTest(5)
  void a_singleton_that_two_tests_share(
      @Autowired Till till, @Autowired Statistics statistics, @Autowired TaskExecutor executor) {
    int own = Orders.key();
    CountDownLatch ran = new CountDownLatch(1);
    till.sell(own);
    executor.execute(
        () -> {
          till.sell(-own);
          ran.countDown();
        });
    await(ran);
    assertThat(statistics.seen()).containsExactly(own, -own);
  }

  /** Lets the test end meanwhile. */
  private static void awaitNothing() {
    try {
      assertThat(new CountDownLatch(1).await(30, TimeUnit.MILLISECONDS)).isFalse();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }
}
