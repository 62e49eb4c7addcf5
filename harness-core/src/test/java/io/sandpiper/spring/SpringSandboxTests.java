package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxAssertions;
import io.sandpiper.Sandboxed;
import io.sandpiper.jdbc.UnownedAccessException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.test.context.jdbc.Sql;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionTemplate;

@SpringBootTest
@Sandboxed
class SpringSandboxTests {

  @SpringBootApplication
  static class Application {}

  private final JdbcClient jdbc;

  SpringSandboxTests(@Autowired JdbcClient jdbc) {
    this.jdbc = jdbc;
  }

  @BeforeAll
  static void set_up_goes_to_the_real_database(@Autowired JdbcClient jdbc) {
    jdbc.sql("CREATE TABLE IF NOT EXISTS thing (id int PRIMARY KEY, name text)").update();
  }

  @AfterAll
  static void nothing_is_left(@Autowired JdbcClient jdbc) {
    assertThat(jdbc.sql("SELECT count(*) FROM thing").query(Integer.class).single()).isZero();
  }

  private int rows() {
    return jdbc.sql("SELECT count(*) FROM thing").query(Integer.class).single();
  }

  private void insert(int id) {
    jdbc.sql("INSERT INTO thing (id, name) VALUES (?, 'x')").param(id).update();
  }

  @RepeatedTest(5)
  void the_same_key_can_be_written_by_each_test() {
    assertThat(rows()).isZero();
    insert(1);
    assertThat(rows()).isOne();
  }

  @Test
  void a_task_of_an_executor_bean_sees_the_rows_of_its_test(@Autowired AsyncTaskExecutor executor)
      throws Exception {
    insert(1);
    Future<Integer> seen = executor.submit(this::rows);
    assertThat(seen.get()).isOne();
  }

  @RepeatedTest(20)
  void a_failure_that_the_test_takes_from_a_future_is_not_a_background_error(
      @Autowired AsyncTaskExecutor executor) {
    Future<?> failing =
        executor.submit(
            () -> {
              throw new IllegalArgumentException("expected by the test");
            });
    assertThatThrownBy(failing::get).hasRootCauseMessage("expected by the test");
  }

  @Test
  void a_task_that_nobody_awaits_is_drained_before_the_rollback(
      @Autowired AsyncTaskExecutor executor, Sandbox sandbox) {
    CountDownLatch ending = new CountDownLatch(1);
    executor.execute(
        () -> {
          try {
            // Nobody opens it: the task works while the test is ending.
            assertThat(ending.await(50, TimeUnit.MILLISECONDS)).isFalse();
          } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
          }
          insert(7);
        });
    assertThat(sandbox.testName()).startsWith("SpringSandboxTests.a_task");
  }

  @Test
  void work_of_no_test_is_refused_with_the_remedies() {
    CompletableFuture<Integer> unowned;
    try (var pool = closing(Executors.newSingleThreadExecutor())) {
      unowned = CompletableFuture.supplyAsync(this::rows, pool.executor());
      assertThatThrownBy(unowned::get)
          .isInstanceOf(ExecutionException.class)
          .hasRootCauseInstanceOf(UnownedAccessException.class)
          .hasStackTraceContaining("works for no test")
          .hasStackTraceContaining("Sandbox.wrap");
    }
  }

  private record Closing(java.util.concurrent.ExecutorService executor) implements AutoCloseable {
    @Override
    public void close() {
      executor.shutdown();
    }
  }

  private static Closing closing(java.util.concurrent.ExecutorService executor) {
    return new Closing(executor);
  }

  @Test
  void an_application_transaction_rolls_back_alone(@Autowired TransactionTemplate transaction) {
    insert(1);
    transaction.executeWithoutResult(
        status -> {
          insert(2);
          insert(3);
          status.setRollbackOnly();
        });
    transaction.executeWithoutResult(status -> insert(4));
    assertThat(jdbc.sql("SELECT id FROM thing ORDER BY id").query(Integer.class).list())
        .containsExactly(1, 4);
  }

  @Test
  @Transactional
  void a_transactional_test_works_as_before() {
    insert(1);
    assertThat(rows()).isOne();
  }

  @Test
  @Transactional
  void a_transactional_test_that_waits_for_work_it_blocks_is_told_so(
      @Autowired AsyncTaskExecutor executor) throws Exception {
    insert(1);
    Future<?> blocked = executor.submit(() -> insert(2));
    assertThatThrownBy(
            () -> SandboxAssertions.assertEventually(() -> assertThat(blocked.isDone()).isTrue()))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Drop @Transactional");
    blocked.cancel(true);
  }

  @Test
  @Sql(statements = "INSERT INTO thing (id, name) VALUES (9, 'by script')")
  void a_script_runs_inside_the_sandbox() {
    assertThat(rows()).isOne();
  }

  @Test
  void beans_keep_their_class(
      @Autowired HikariDataSource pool, @Autowired ThreadPoolTaskExecutor executor)
      throws Exception {
    HikariDataSource real = ((DataSource) pool).unwrap(HikariDataSource.class);
    assertThat(real).isExactlyInstanceOf(HikariDataSource.class);
    assertThat(pool.getMaximumPoolSize()).isEqualTo(real.getMaximumPoolSize());
    assertThat(executor.getCorePoolSize()).isPositive();
  }
}
