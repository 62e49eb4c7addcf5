package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.hibernate.collection.spi.PersistentBag;
import org.hibernate.proxy.HibernateProxy;
import org.hibernate.proxy.LazyInitializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import tools.jackson.databind.json.JsonMapper;

/** What is written of values, and that writing it has no effect. */
class SnapshotTests {

  private static String json(@Nullable Object value) {
    return Snapshot.of(value).toString();
  }

  private static IllegalStateException touched() {
    return new IllegalStateException("a method of the application was called");
  }

  enum Color {
    RED {
      @Override
      public String toString() {
        throw touched();
      }
    }
  }

  record Line(String article, int count) {
    @Override
    public String article() {
      throw touched();
    }
  }

  /** Each of its methods has an effect. */
  static class Mail implements Comparable<Mail> {
    static final String GENERAL = "general";
    private final String to;
    private final @Nullable Object more;
    private final transient Object connection = new Object();

    Mail(String to, @Nullable Object more) {
      this.to = to;
      this.more = more;
    }

    public String getTo() {
      throw touched();
    }

    public DataSource getDataSource() {
      throw touched();
    }

    @Override
    public int compareTo(Mail other) {
      throw touched();
    }

    @Override
    public boolean equals(Object other) {
      throw touched();
    }

    @Override
    public int hashCode() {
      throw touched();
    }

    @Override
    public String toString() {
      throw new IllegalStateException(connection.toString());
    }
  }

  static class Urgent extends Mail {
    private int priority = 1;

    Urgent(String to) {
      super(to, null);
    }

    void raise() {
      priority++;
    }
  }

  @Test
  void scalars_are_json_or_text() {
    assertThat(json(null)).isEqualTo("null");
    assertThat(
            json(
                new Object[] {
                  "a\"",
                  'c',
                  true,
                  (byte) 1,
                  2L,
                  1.5,
                  0.1f,
                  new BigDecimal("1.10"),
                  BigInteger.TEN,
                  new AtomicInteger(3),
                  new AtomicBoolean(),
                  new AtomicReference<>("ref")
                }))
        .isEqualTo("[\"a\\\"\",\"c\",true,1,2,1.5,0.1,1.10,10,3,false,\"ref\"]");
    UUID uuid = new UUID(1, 2);
    assertThat(
            json(
                List.of(
                    Color.RED,
                    LocalDate.of(2026, 11, 23),
                    Duration.ofSeconds(2),
                    new Date(0),
                    uuid,
                    URI.create("http://x"),
                    String.class,
                    new StringBuilder("text"),
                    new IllegalStateException("no"),
                    OptionalInt.of(3))))
        .isEqualTo(
            "[\"RED\",\"2026-11-23\",\"PT2S\",\"1970-01-01T00:00:00Z\",\"%s\",\"http://x\",\"java.lang.String\",\"text\",\"java.lang.IllegalStateException: no\",\"OptionalInt[3]\"]",
            uuid);
    assertThat(json(List.of(Optional.of(new Line("bolt", 1)), Optional.empty())))
        .isEqualTo("[{\"article\":\"bolt\",\"count\":1},null]");
    assertThat(json(new byte[] {1, 2, 3})).isEqualTo("\"AQID\"");
    assertThat(json(new int[][] {{1}, {}})).isEqualTo("[[1],[]]");
  }

  @Test
  void objects_of_the_application_are_read_by_their_fields_and_never_called() {
    assertThat(json(new Mail("ann", new Line("bolt", 3))))
        .isEqualTo("{\"to\":\"ann\",\"more\":{\"article\":\"bolt\",\"count\":3}}");
    Urgent urgent = new Urgent("bob");
    urgent.raise();
    assertThat(json(urgent)).isEqualTo("{\"to\":\"bob\",\"more\":null,\"priority\":2}");
    assertThat(json(List.of(new Object(), new SnapshotTests())))
        .isEqualTo("[\"Object\",\"SnapshotTests\"]");
  }

  @Test
  void collections_and_maps_of_the_jdk_are_copied() {
    List<String> list = List.of("a", "b");
    for (Object each :
        List.of(
            list,
            new ArrayList<>(list),
            Arrays.asList("a", "b"),
            list.stream().toList(),
            new ArrayDeque<>(list),
            new CopyOnWriteArrayList<>(list),
            new ArrayList<>(list).subList(0, 2),
            new TreeMap<>(Map.of("a", 1, "b", 2)).keySet())) {
      assertThat(json(each)).as(each.getClass().getName()).isEqualTo("[\"a\",\"b\"]");
    }
    assertThat(json(List.of(Collections.singleton(1), Collections.emptyMap(), Map.entry("k", 2))))
        .isEqualTo("[[1],{},{\"k\":2}]");
    Map<Object, Object> keys = new LinkedHashMap<>();
    keys.put(1, "number");
    keys.put(null, "null");
    keys.put(LocalDate.of(2026, 1, 2), "date");
    keys.put(new Object(), "object");
    assertThat(json(keys))
        .isEqualTo(
            "{\"1\":\"number\",\"null\":\"null\",\"2026-01-02\":\"date\",\"Object\":\"object\"}");
    assertThat(json(new EnumMap<>(Map.of(Color.RED, 1)))).isEqualTo("{\"RED\":1}");
    assertThat(json(JsonMapper.shared().readTree("{\"a\":[1,\"x\",null,{\"b\":true}],\"c\":1.5}")))
        .isEqualTo("{\"a\":[1,\"x\",null,{\"b\":true}],\"c\":1.5}");
    assertThat(json(JsonMapper.shared().createArrayNode().addPOJO(new Mail("x", null))))
        .isEqualTo("[\"POJONode\"]");
  }

  @Test
  void what_is_consumed_by_reading_is_left_alone() {
    Iterator<String> iterator = List.of("a").iterator();
    Stream<String> stream = Stream.of("a");
    InputStream input = new ByteArrayInputStream(new byte[] {1});
    Iterable<String> iterable =
        () -> {
          throw touched();
        };
    Supplier<String> supplier =
        () -> {
          throw touched();
        };
    assertThat(json(Arrays.asList(iterator, stream, input)))
        .isEqualTo("[\"ListItr\",\"Head\",\"ByteArrayInputStream\"]");
    assertThat(json(new Object[] {iterable, supplier})).doesNotContain("touched").contains("$$");
    assertThat(iterator.hasNext()).isTrue();
    assertThat(stream.count()).isEqualTo(1);
    assertThat(((ByteArrayInputStream) input).available()).isEqualTo(1);
    assertThat(json(new Thread("t"))).isEqualTo("\"Thread\"");
  }

  @Test
  void what_loads_lazily_or_hands_on_is_left_alone() {
    PersistentBag<String> lazy = new PersistentBag<>();
    assertThat(json(new Mail("ann", lazy)))
        .isEqualTo("{\"to\":\"ann\",\"more\":\"PersistentBag\"}");
    assertThat(json(Collections.unmodifiableList(lazy))).isEqualTo("\"UnmodifiableList\"");
    assertThat(json(new HashMap<>(Map.of("view", Collections.synchronizedCollection(lazy)))))
        .isEqualTo("{\"view\":\"SynchronizedCollection\"}");
    assertThat(lazy.wasInitialized()).isFalse();
    assertThat(json(new LazyCustomer())).isEqualTo("\"SnapshotTests$LazyCustomer\"");
    assertThat(
            json(
                Proxy.newProxyInstance(
                    getClass().getClassLoader(),
                    new Class<?>[] {DataSource.class, Runnable.class},
                    (proxy, method, arguments) -> {
                      throw touched();
                    })))
        .isEqualTo("\"proxy of DataSource, Runnable\"");
    ProxyFactory factory = new ProxyFactory(new SnapshotTests());
    factory.setProxyTargetClass(true);
    assertThat(json(factory.getProxy())).startsWith("\"SnapshotTests$$SpringCGLIB$$");
    DriverManagerDataSource database = new DriverManagerDataSource("jdbc:x", "me", "secret");
    assertThat(json(database)).isEqualTo("\"DriverManagerDataSource\"");
  }

  /** What Hibernate makes of an entity that is not loaded. */
  private static final class LazyCustomer implements HibernateProxy {
    private final String name = "not loaded";

    @Override
    public Object writeReplace() {
      throw new IllegalStateException(name);
    }

    @Override
    public LazyInitializer getHibernateLazyInitializer() {
      throw touched();
    }
  }

  @Test
  void futures_are_neither_waited_for_nor_looked_at() {
    assertThat(Snapshot.text(new CompletableFuture<>()))
        .isEqualTo("CompletableFuture[not completed]");
    assertThat(Snapshot.text(CompletableFuture.completedFuture(List.of(1))))
        .isEqualTo("CompletableFuture[[1]]");
    assertThat(Snapshot.text(CompletableFuture.failedFuture(new IllegalStateException())))
        .isEqualTo("CompletableFuture[failed]");
    assertThat(Snapshot.text(new FutureTask<>(() -> 1))).isEqualTo("FutureTask[not completed]");
    assertThat(
            Snapshot.text(
                new CompletableFuture<String>() {
                  @Override
                  public boolean isDone() {
                    throw touched();
                  }
                }))
        .startsWith("SnapshotTests$");
  }

  @Test
  void texts_of_outcomes_have_no_quotes() {
    assertThat(Snapshot.text("done")).isEqualTo("done");
    assertThat(Snapshot.text(null)).isEqualTo("null");
    assertThat(Snapshot.text(Optional.of("x"))).isEqualTo("Optional[x]");
    assertThat(Snapshot.text(Optional.empty())).isEqualTo("Optional.empty");
    assertThat(Snapshot.text(List.of("x"))).isEqualTo("[\"x\"]");
  }

  @Test
  void what_is_deep_long_wide_or_inside_of_itself_is_cut() {
    List<Object> endless = new ArrayList<>();
    endless.add(endless);
    assertThat(json(endless)).isEqualTo("[\"…\"]");
    List<Object> deep = List.of();
    for (int i = 0; i < 100; i++) {
      deep = List.of(deep);
    }
    assertThat(json(deep)).isEqualTo("[".repeat(10) + "\"…\"" + "]".repeat(10));
    assertThat(json(IntStream.range(0, 1000).boxed().toList())).endsWith(",99,\"… 900 more\"]");
    Map<Integer, Integer> wide = new TreeMap<>();
    IntStream.range(0, 1000).forEach(i -> wide.put(i, i));
    assertThat(json(wide)).endsWith(",\"99\":99,\"…\":\"more\"}");
    assertThat(json("x".repeat(100_000)))
        .hasSizeLessThan(Snapshot.CHARACTERS + 100)
        .endsWith("x… (100000 characters)\"");
    assertThat(json(new byte[100_000]))
        .hasSizeLessThan(Snapshot.CHARACTERS + 100)
        .endsWith("… (100000 bytes)\"");
    Object heavy = "y".repeat(300);
    for (int i = 0; i < 8; i++) {
      heavy = Collections.nCopies(100, heavy);
    }
    assertThat(json(heavy)).hasSizeLessThan(2 * Snapshot.CHARACTERS);
  }

  @Test
  void a_collection_that_is_changed_meanwhile_is_there_by_its_name() {
    List<Object> changing = new ArrayList<>(List.of(1, 2));
    changing.set(
        0,
        new Exception() {
          @Override
          public String toString() {
            changing.add(3);
            return "changed";
          }
        });
    assertThat(json(changing)).isEqualTo("\"ArrayList\"");
  }
}
