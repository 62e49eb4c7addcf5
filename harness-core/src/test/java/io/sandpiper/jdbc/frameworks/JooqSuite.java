package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jooq.impl.DSL.constraint;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.table;

import io.sandpiper.Isolation;
import io.sandpiper.Sandboxed;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.jooq.Cursor;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Record1;
import org.jooq.Result;
import org.jooq.SQLDialect;
import org.jooq.Table;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.data.jdbc.autoconfigure.DataJdbcRepositoriesAutoConfiguration;
import org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration;
import org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration;
import org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.test.context.TestPropertySource;

/** jOOQ: with Spring's transactions, and with its own. */
@SpringBootTest(classes = JooqSuite.Application.class)
@TestPropertySource(
    properties = {
      "spring.sql.init.mode=always",
      "spring.sql.init.schema-locations=classpath:frameworks/names.sql"
    })
abstract class JooqSuite extends FrameworkSuite {

  @Sandboxed(isolation = Isolation.TRANSACTION)
  static class InTransactions extends JooqSuite {}

  @Sandboxed(isolation = Isolation.DATABASE)
  static class InDatabases extends JooqSuite {}

  @EnableAutoConfiguration(
      exclude = {
        DataJdbcRepositoriesAutoConfiguration.class,
        DataJpaRepositoriesAutoConfiguration.class,
        FlywayAutoConfiguration.class,
        HibernateJpaAutoConfiguration.class,
        MybatisAutoConfiguration.class
      })
  @Import(NameService.class)
  static class Application {

    @Bean
    Names names(DSLContext jooq) {
      return new NamesOfJooq(jooq);
    }
  }

  private static final Table<Record> NAMES = table(name("name"));
  private static final Field<Long> ID = field(name("id"), SQLDataType.BIGINT);
  private static final Field<String> NAME = field(name("name", "name"), SQLDataType.CLOB);
  private static final Field<String> COLUMN = field(name("name"), SQLDataType.CLOB);

  private record NamesOfJooq(DSLContext jooq) implements Names {

    @Override
    public void add(String name) {
      jooq.insertInto(NAMES, COLUMN).values(name).execute();
    }

    @Override
    public void addBatch(List<String> names) {
      var batch = jooq.batch(jooq.insertInto(NAMES, COLUMN).values((String) null));
      for (String name : names) {
        batch = batch.bind(name);
      }
      assertThat(batch.execute()).hasSize(names.size());
    }

    @Override
    public List<String> all() {
      return jooq.select(NAME).from(NAMES).orderBy(NAME).fetch(NAME);
    }

    @Override
    public Stream<String> stream() {
      return jooq.select(NAME)
          .from(NAMES)
          .orderBy(NAME)
          .fetchSize(10)
          .fetchStream()
          .map(Record1::value1);
    }

    @Override
    public void rename(String from, String to) {
      assertThat(jooq.update(NAMES).set(COLUMN, to).where(NAME.eq(from)).execute()).isOne();
    }

    @Override
    public void remove(String name) {
      assertThat(jooq.deleteFrom(NAMES).where(NAME.eq(name)).execute()).isOne();
    }
  }

  @Autowired DSLContext jooq;
  @Autowired DataSource dataSource;

  @Twice
  void returning_gives_the_rows_that_were_written(Pair pair) throws InterruptedException {
    Result<Record> inserted =
        jooq.insertInto(NAMES, COLUMN)
            .values(own("a"))
            .values(own("b"))
            .returningResult(List.<Field<?>>of(ID, COLUMN))
            .fetch();
    assertThat(inserted.getValues(COLUMN)).containsExactly(own("a"), own("b"));
    pair.meet();
    assertThat(
            jooq.update(NAMES)
                .set(COLUMN, own("c"))
                .where(ID.eq(inserted.get(0).get(ID)))
                .returningResult(COLUMN)
                .fetchOne(COLUMN))
        .isEqualTo(own("c"));
    assertThat(jooq.deleteFrom(NAMES).returningResult(COLUMN).fetchSet(COLUMN))
        .containsExactlyInAnyOrder(own("b"), own("c"));
  }

  @Twice
  void an_upsert_sees_the_conflict_within_its_test_only(Pair pair) throws InterruptedException {
    names.add(own("a"));
    pair.meet();
    for (String name : List.of(own("a"), own("b"))) {
      jooq.insertInto(NAMES, COLUMN)
          .values(name)
          .onConflict(COLUMN)
          .doUpdate()
          .set(COLUMN, DSL.excluded(COLUMN).concat("!"))
          .execute();
    }
    assertThat(names.all()).containsExactlyInAnyOrder(own("a") + "!", own("b"));
  }

  @Twice
  void a_batch_of_different_statements(Pair pair) throws InterruptedException {
    names.add(own("a"));
    pair.meet();
    int[] counts =
        jooq.batch(
                jooq.insertInto(NAMES, COLUMN).values(own("b")),
                jooq.update(NAMES).set(COLUMN, own("c")).where(NAME.eq(own("a"))),
                jooq.deleteFrom(NAMES).where(NAME.eq(own("nobody"))))
            .execute();
    assertThat(counts).containsExactly(1, 1, 0);
    assertThat(names.all()).containsExactly(own("b"), own("c"));
  }

  @Twice
  void a_lazy_cursor_reads_a_few_rows_at_a_time(Pair pair) throws InterruptedException {
    service.addAll(many());
    pair.meet();
    service.in(
        table -> {
          List<String> read = new ArrayList<>();
          try (Cursor<Record1<String>> cursor =
              jooq.select(NAME).from(NAMES).orderBy(NAME).fetchSize(7).fetchLazy()) {
            while (cursor.hasNext()) {
              cursor.fetchNext(20).forEach(row -> read.add(row.value1()));
              table.add(own("while reading %03d".formatted(read.size())));
            }
          }
          assertThat(read).containsExactlyElementsOf(many());
        });
    assertThat(names.all()).hasSize(MANY + MANY / 20);
  }

  @Twice
  void a_lazy_cursor_outside_a_transaction(Pair pair) throws InterruptedException {
    service.addAll(many());
    pair.meet();
    try (Cursor<Record1<String>> cursor =
        jooq.select(NAME).from(NAMES).orderBy(NAME).fetchSize(7).fetchLazy()) {
      assertThat(cursor.fetchNext(5)).hasSize(5);
      names.add(own("meanwhile"));
      assertThat(cursor.fetch()).hasSize(MANY - 5);
    }
  }

  @Twice
  void nested_transactions_of_jooq_on_spring_s(Pair pair) throws InterruptedException {
    nestedTransactionsOfJooq(jooq, DuplicateKeyException.class);
    pair.meet();
    assertThat(names.all()).containsExactly(own("a"), own("c"), own("d"));
  }

  @Twice
  void nested_transactions_of_jooq_alone(Pair pair) throws InterruptedException {
    nestedTransactionsOfJooq(
        DSL.using(dataSource, SQLDialect.POSTGRES), IntegrityConstraintViolationException.class);
    pair.meet();
    assertThat(names.all()).containsExactly(own("a"), own("c"), own("d"));
  }

  private void nestedTransactionsOfJooq(DSLContext context, Class<? extends Exception> duplicate) {
    context.transaction(
        outer -> {
          Names table = new NamesOfJooq(outer.dsl());
          table.add(own("a"));
          assertThatThrownBy(
                  () ->
                      outer
                          .dsl()
                          .transaction(
                              inner -> {
                                new NamesOfJooq(inner.dsl()).add(own("b"));
                                new NamesOfJooq(inner.dsl()).add(own("a"));
                              }))
              .isInstanceOf(duplicate);
          outer.dsl().transaction(inner -> new NamesOfJooq(inner.dsl()).add(own("c")));
          table.add(own("d"));
        });
  }

  @Twice
  void a_transaction_of_jooq_that_throws_rolls_back(Pair pair) throws InterruptedException {
    DSLContext alone = DSL.using(dataSource, SQLDialect.POSTGRES);
    String kept =
        alone.transactionResult(
            inside -> {
              new NamesOfJooq(inside.dsl()).add(own("kept"));
              return own("kept");
            });
    pair.meet();
    assertThatThrownBy(
            () ->
                alone.transaction(
                    inside -> {
                      new NamesOfJooq(inside.dsl()).add(own("undone"));
                      throw new Thrown();
                    }))
        .isInstanceOf(Thrown.class);
    assertThat(names.all()).containsExactly(kept);
  }

  @Twice
  void a_table_of_one_test_is_not_seen_by_the_other(Pair pair) throws InterruptedException {
    Table<Record> made = table(name("made" + own("")));
    jooq.createTable(made)
        .column(ID)
        .column(COLUMN)
        .constraints(constraint().primaryKey(ID))
        .execute();
    jooq.insertInto(made, ID, COLUMN).values(1L, "x").execute();
    pair.meet();
    assertThatThrownBy(() -> jooq.insertInto(made, ID, COLUMN).values(1L, "y").execute())
        .isInstanceOf(DataIntegrityViolationException.class);
    assertThat(jooq.meta().getTables(made.getName())).hasSize(1);
    assertThat(jooq.fetchCount(made)).isOne();
  }

  @Twice
  void a_row_is_locked_and_skipped_by_nobody_of_the_same_test(Pair pair)
      throws InterruptedException {
    names.add(own("a"));
    pair.meet();
    service.in(
        table -> {
          assertThat(jooq.select(NAME).from(NAMES).forUpdate().skipLocked().fetch()).hasSize(1);
          table.rename(own("a"), own("b"));
        });
    assertThat(names.all()).containsExactly(own("b"));
  }

  @Twice
  void a_nested_transaction_rolls_back_to_its_savepoint(Pair pair) throws InterruptedException {
    pair.meet();
    nestedTransactions();
  }

  @Twice
  void a_nested_transaction_with_an_error_rolls_back_to_its_savepoint(Pair pair)
      throws InterruptedException {
    pair.meet();
    nestedTransactionsWithAnError();
  }

  @Twice
  void what_a_callback_writes_after_the_commit_is_kept(Pair pair) throws InterruptedException {
    pair.meet();
    writeAfterCommit();
  }
}
