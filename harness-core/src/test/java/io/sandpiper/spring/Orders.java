package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.annotation.Transactional;

/** Orders of an application under test, each placed in a transaction that publishes an event. */
class Orders {

  static final String TABLE =
      "CREATE TABLE placed (id int PRIMARY KEY, state text NOT NULL DEFAULT 'placed')";

  /** An order was placed. */
  record Placed(int id) {}

  private final AtomicInteger placed = new AtomicInteger();
  private final JdbcClient jdbc;
  private final ApplicationEventPublisher events;

  Orders(JdbcClient jdbc, ApplicationEventPublisher events) {
    this.jdbc = jdbc;
    this.events = events;
  }

  @Transactional
  public void place(int id) {
    jdbc.sql("INSERT INTO placed (id) VALUES (?)").param(id).update();
    events.publishEvent(new Placed(id));
    placed.incrementAndGet();
  }

  public int placed() {
    return placed.get();
  }

  /**
   * The first of two keys that are of the current test alone: with an equal one it would have to
   * wait for the end of another test.
   */
  static int key() {
    return (int) Sandbox.current().id().sequence() * 2;
  }

  /** Nothing that tests have written is left, asked after the last. */
  static void assertNothingIsLeft(JdbcClient jdbc, String... tables) {
    for (String table : tables) {
      assertThat(jdbc.sql("SELECT count(*) FROM " + table).query(Integer.class).single())
          .as(table)
          .isZero();
    }
  }
}
