package io.sandpiper.spring;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.task.TaskSchedulingAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.config.ScheduledTaskHolder;
import org.springframework.transaction.annotation.Transactional;

/** A transactional outbox whose poller every test runs for itself. */
@SpringBootTest
@Sandboxed
@Execution(ExecutionMode.CONCURRENT)
class ScheduledTicksTests {

  @SpringBootApplication
  @EnableScheduling
  @Import({Orders.class, Poller.class, Two.class, Sink.class})
  static class Application {

    @Bean
    CommandLineRunner migration(JdbcClient jdbc) {
      return arguments -> {
        jdbc.sql("CREATE TABLE purchase (id int PRIMARY KEY)").update();
        jdbc.sql("CREATE TABLE outbox (id int PRIMARY KEY)").update();
        jdbc.sql("CREATE TABLE sent (id int PRIMARY KEY)").update();
      };
    }

    @Bean
    Idle one() {
      return new Idle();
    }

    @Bean
    Idle other() {
      return new Idle();
    }
  }

  static class Orders {

    private final JdbcClient jdbc;

    Orders(JdbcClient jdbc) {
      this.jdbc = jdbc;
    }

    @Transactional
    public void place(int id) {
      jdbc.sql("INSERT INTO purchase VALUES (?)").param(id).update();
      jdbc.sql("INSERT INTO outbox VALUES (?)").param(id).update();
    }
  }

  static class Sink {

    private final JdbcClient jdbc;

    Sink(JdbcClient jdbc) {
      this.jdbc = jdbc;
    }

    @Transactional
    public String send(int id) {
      jdbc.sql("INSERT INTO sent VALUES (?)").param(id).update();
      return "sent " + id;
    }
  }

  static class Poller {

    private final JdbcClient jdbc;
    private final Sink sink;
    private final AtomicInteger strays = new AtomicInteger();

    Poller(JdbcClient jdbc, Sink sink) {
      this.jdbc = jdbc;
      this.sink = sink;
    }

    @Transactional
    @Scheduled(fixedDelay = 1)
    public void poll() {
      if (Work.current() == null) {
        strays.incrementAndGet();
      }
      List<@Nullable Integer> waiting =
          jdbc.sql("DELETE FROM outbox RETURNING id").query(Integer.class).list();
      waiting.forEach(id -> sink.send(Objects.requireNonNull(id)));
    }

    public int strays() {
      return strays.get();
    }
  }

  static class Two {

    final AtomicInteger first = new AtomicInteger();
    final AtomicInteger second = new AtomicInteger();
    final AtomicInteger strays = new AtomicInteger();

    @Scheduled(fixedRate = 1)
    void first() {
      (Work.current() == null ? strays : first).incrementAndGet();
    }

    @Scheduled(fixedRate = 1)
    @Scheduled(cron = "* * * * * *")
    void second() throws IOException {
      (Work.current() == null ? strays : second).incrementAndGet();
      throw new IOException("second");
    }
  }

  static class Idle {}

  private final JdbcClient jdbc;
  private final Orders orders;

  ScheduledTicksTests(@Autowired JdbcClient jdbc, @Autowired Orders orders) {
    this.jdbc = jdbc;
    this.orders = orders;
  }

  @AfterAll
  static void nothing_is_left(@Autowired JdbcClient jdbc) {
    for (String table : List.of("purchase", "outbox", "sent")) {
      assertThat(jdbc.sql("SELECT id FROM " + table).query(Integer.class).list()).isEmpty();
    }
  }

  private List<@Nullable Integer> sent() {
    return jdbc.sql("SELECT id FROM sent ORDER BY id").query(Integer.class).list();
  }

  /** Of this test alone: an equal one would have to wait for the end of another test. */
  private static int key(Sandbox sandbox) {
    return (int) sandbox.id().sequence() * 2;
  }

  private void outbox(Sandbox sandbox) throws Exception {
    int one = key(sandbox);
    int other = one + 1;
    sandbox.watch(Sink.class);
    orders.place(one);
    orders.place(other);
    assertThat(sent()).isEmpty();
    sandbox.tick(Poller.class);
    assertThat(sent()).containsExactly(one, other);
    assertThat(assertReceive(called(Sink.class, "send").json("/0", one)).header("outcome"))
        .isEqualTo("returned sent " + one);
    sandbox.tick(Poller.class, "poll");
    assertThat(sent()).containsExactly(one, other);
  }

  @RepeatedTest(10)
  void an_outbox_is_polled_in_a_transaction(Sandbox sandbox) throws Exception {
    outbox(sandbox);
  }

  @RepeatedTest(5)
  @Sandboxed(isolation = Isolation.DATABASE)
  void an_outbox_is_polled_in_a_database(Sandbox sandbox) throws Exception {
    outbox(sandbox);
  }

  @RepeatedTest(5)
  void a_test_that_does_not_watch_records_nothing(Sandbox sandbox) throws Exception {
    orders.place(key(sandbox));
    sandbox.tick(Poller.class);
    assertThat(sent()).containsExactly(key(sandbox));
    assertThat(sandbox.journal().entries()).noneMatch(entry -> entry.text().startsWith("called "));
  }

  @Test
  void a_tick_that_fails_is_an_exception_of_the_test_and_no_other(Sandbox sandbox) {
    sandbox.watch(Sink.class);
    jdbc.sql("INSERT INTO sent VALUES (?)").param(key(sandbox)).update();
    orders.place(key(sandbox));
    assertThatThrownBy(() -> sandbox.tick(Poller.class)).hasMessageContaining("sent_pkey");
    assertThat(assertReceive(called(Sink.class, "send")).header("outcome"))
        .asString()
        .startsWith("threw org.springframework.dao.DuplicateKeyException");
  }

  @Test
  void methods_are_named_one_by_one_or_all_are_run(Sandbox sandbox, @Autowired Two two)
      throws Exception {
    int first = two.first.get();
    int second = two.second.get();
    sandbox.tick(Two.class, "first");
    assertThat(two.first).hasValue(first + 1);
    assertThat(two.second).hasValue(second);
    assertThatThrownBy(() -> sandbox.tick(Two.class))
        .isInstanceOf(IOException.class)
        .hasMessage("second");
    assertThat(two.first).hasValue(first + 2);
    assertThat(two.second).hasValue(second + 1);
  }

  @Test
  void what_cannot_be_ticked_is_named_with_what_can(Sandbox sandbox) {
    assertThatThrownBy(() -> sandbox.tick(String.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("There is no bean of type java.lang.String")
        .hasMessageContaining(Poller.class.getName() + ", " + Two.class.getName());
    assertThatThrownBy(() -> sandbox.tick(Idle.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("There are 2 beans")
        .hasMessageContaining("one, other");
    assertThatThrownBy(() -> sandbox.tick(Orders.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Orders has no @Scheduled method.");
    assertThatThrownBy(() -> sandbox.tick(Two.class, "third"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no @Scheduled method third; it has: first, second");
  }

  @Test
  void the_scheduler_runs_nothing_and_still_lists_its_tasks(
      @Autowired ScheduledTaskHolder holder, @Autowired Poller poller, @Autowired Two two) {
    assertThat(holder.getScheduledTasks()).hasSize(4);
    try (Scope nobodys = Scope.open(null, "a thread of the scheduler")) {
      holder.getScheduledTasks().forEach(task -> task.getTask().getRunnable().run());
    }
    assertThat(poller.strays()).isZero();
    assertThat(two.strays).hasValue(0);
  }

  @EnableScheduling
  static class Ticking {

    final CountDownLatch ticked = new CountDownLatch(2);

    @Scheduled(fixedRate = 1)
    void tick() {
      ticked.countDown();
    }
  }

  private final ApplicationContextRunner contexts =
      new ApplicationContextRunner()
          .withConfiguration(
              AutoConfigurations.of(
                  SandpiperAutoConfiguration.class, TaskSchedulingAutoConfiguration.class))
          .withUserConfiguration(Ticking.class);

  @Test
  void ticks_run_where_a_property_says_so() {
    contexts
        .withPropertyValues("sandpiper.enabled=true", "sandpiper.scheduled=run")
        .run(
            context ->
                assertThat(context.getBean(Ticking.class).ticked.await(30, TimeUnit.SECONDS))
                    .isTrue());
  }

  @Test
  void another_value_is_refused_with_the_choices() {
    contexts
        .withPropertyValues("sandpiper.enabled=true", "sandpiper.scheduled=maybe")
        .run(
            context ->
                assertThat(context)
                    .getFailure()
                    .hasStackTraceContaining("sandpiper.scheduled is 'maybe'")
                    .hasStackTraceContaining("Set it to skip or run"));
  }
}
