package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionTemplate;

/** Both isolations in one suite, on one application context. */
@SpringBootTest
@Sandboxed
@Execution(ExecutionMode.CONCURRENT)
class SpringDatabaseTests {

  @SpringBootApplication
  static class Application {

    @Bean
    CommandLineRunner migration(JdbcClient jdbc) {
      return arguments -> {
        jdbc.sql("CREATE TABLE place (id int PRIMARY KEY, name text)").update();
        jdbc.sql("INSERT INTO place VALUES (100, 'from the start')").update();
      };
    }
  }

  private final JdbcClient jdbc;

  SpringDatabaseTests(@Autowired JdbcClient jdbc) {
    this.jdbc = jdbc;
  }

  @AfterAll
  static void nothing_is_left(@Autowired JdbcClient jdbc) {
    assertThat(jdbc.sql("SELECT id FROM place").query(Integer.class).list()).containsExactly(100);
  }

  private int rows() {
    return jdbc.sql("SELECT count(*) FROM place").query(Integer.class).single();
  }

  private void insert(int id) {
    jdbc.sql("INSERT INTO place (id, name) VALUES (?, 'x')").param(id).update();
  }

  @RepeatedTest(5)
  void a_transaction_sandbox_sees_its_own_rows() {
    insert(1);
    assertThat(rows()).isEqualTo(2);
  }

  @RepeatedTest(5)
  @Sandboxed(isolation = Isolation.DATABASE)
  void a_database_sandbox_sees_its_own_rows(@Autowired AsyncTaskExecutor executor)
      throws Exception {
    insert(1);
    Future<Integer> seen = executor.submit(this::rows);
    assertThat(seen.get()).isEqualTo(2);
  }

  @Test
  @Sandboxed(isolation = Isolation.DATABASE)
  void an_inner_transaction_survives_the_outer_one(
      @Autowired PlatformTransactionManager transactions) {
    TransactionTemplate outer = new TransactionTemplate(transactions);
    TransactionTemplate inner = new TransactionTemplate(transactions);
    inner.setPropagationBehavior(TransactionDefinition.PROPAGATION_REQUIRES_NEW);
    outer.executeWithoutResult(
        status -> {
          insert(1);
          inner.executeWithoutResult(anotherStatus -> insert(2));
          status.setRollbackOnly();
        });
    assertThat(jdbc.sql("SELECT id FROM place ORDER BY id").query(Integer.class).list())
        .containsExactly(2, 100);
  }

  @Test
  @Transactional
  @Sandboxed(isolation = Isolation.DATABASE)
  void a_transactional_test_rolls_back_in_its_own_database(Sandbox sandbox) {
    insert(1);
    assertThat(rows()).isEqualTo(2);
    assertThat(sandbox.isolation()).isEqualTo(Isolation.DATABASE);
  }
}
