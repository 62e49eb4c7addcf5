package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.concurrent.SimpleAsyncTaskScheduler;

/** The executor and the scheduler of Spring Boot where it uses virtual threads. */
@SpringBootTest(properties = "spring.threads.virtual.enabled=true")
@EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "There are no virtual threads.")
@Sandboxed
@Execution(ExecutionMode.CONCURRENT)
class VirtualThreadsTests {

  @SpringBootApplication
  @EnableScheduling
  static class Application {

    @Bean
    CommandLineRunner migration(JdbcClient jdbc) {
      return arguments -> jdbc.sql("CREATE TABLE virtual (id int)").update();
    }
  }

  private final JdbcClient jdbc;
  private final SimpleAsyncTaskExecutor executor;
  private final SimpleAsyncTaskScheduler scheduler;

  VirtualThreadsTests(
      @Autowired JdbcClient jdbc,
      @Autowired @Qualifier("applicationTaskExecutor") SimpleAsyncTaskExecutor executor,
      @Autowired SimpleAsyncTaskScheduler scheduler) {
    this.jdbc = jdbc;
    this.executor = executor;
    this.scheduler = scheduler;
  }

  @AfterAll
  static void nothing_is_left(@Autowired JdbcClient jdbc) {
    assertThat(jdbc.sql("SELECT count(*) FROM virtual").query(Integer.class).single()).isZero();
  }

  private void insert(int id) {
    assertThat(Thread.currentThread().getClass().getSimpleName()).contains("VirtualThread");
    jdbc.sql("INSERT INTO virtual VALUES (?)").param(id).update();
  }

  private void tasks(Sandbox sandbox) throws Exception {
    List<Future<?>> inserts = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      int id = i;
      inserts.add(executor.submit(() -> insert(id)));
    }
    for (Future<?> insert : inserts) {
      insert.get();
    }
    CountDownLatch ran = new CountDownLatch(1);
    scheduler.schedule(
        () -> {
          assertThat(Sandbox.current()).isSameAs(sandbox);
          insert(10);
          ran.countDown();
        },
        Instant.now());
    assertThat(ran.await(30, TimeUnit.SECONDS)).isTrue();
    assertThat(jdbc.sql("SELECT count(*) FROM virtual").query(Integer.class).single())
        .isEqualTo(11);
    executor.execute(() -> insert(11));
  }

  @RepeatedTest(5)
  void tasks_share_the_transaction_of_their_test(Sandbox sandbox) throws Exception {
    tasks(sandbox);
  }

  @RepeatedTest(5)
  @Sandboxed(isolation = Isolation.DATABASE)
  void tasks_share_the_database_of_their_test(Sandbox sandbox) throws Exception {
    tasks(sandbox);
  }
}
