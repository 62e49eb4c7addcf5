package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLXML;
import java.sql.Types;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.geometric.PGpoint;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGmoney;
import org.postgresql.util.PGobject;

/** Values of all kinds, there and back. */
final class TypePrograms {

  private TypePrograms() {}

  /** There and back: a value bound in some way to a column. */
  private static void there(
      Connection c, Transcript seen, String column, Binder binder, Class<?>... types)
      throws Exception {
    seen.see(
        column,
        () -> {
          try (PreparedStatement s =
              c.prepareStatement(
                  "INSERT INTO kinds (id, %1$s) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET %1$s ="
                          .formatted(column)
                      + " excluded.%1$s RETURNING %1$s".formatted(column))) {
            binder.bind(s);
            return s.executeQuery();
          }
        });
    try (var s = c.createStatement();
        ResultSet rows = s.executeQuery("SELECT " + column + " FROM kinds")) {
      if (rows.next()) {
        seen.see(column + " text", () -> rows.getString(1));
        for (Class<?> type : types) {
          seen.see(column + " " + type.getSimpleName(), () -> rows.getObject(1, type));
        }
      }
    }
  }

  /** Binds the first parameter. */
  @FunctionalInterface
  private interface Binder {
    void bind(PreparedStatement s) throws Exception;
  }

  static List<Program> all() {
    return List.of(
        on(
            "numbers, texts and truth",
            (c, seen) -> {
              there(c, seen, "a_bool", s -> s.setBoolean(1, true), Boolean.class);
              there(c, seen, "a_small", s -> s.setShort(1, (short) 5), Integer.class);
              there(c, seen, "an_int", s -> s.setInt(1, -5), Long.class);
              there(c, seen, "a_big", s -> s.setLong(1, Long.MAX_VALUE), Long.class);
              there(c, seen, "a_real", s -> s.setFloat(1, 1.5f), Float.class);
              there(c, seen, "a_double", s -> s.setDouble(1, Math.PI), Double.class);
              there(
                  c,
                  seen,
                  "a_numeric",
                  s -> s.setBigDecimal(1, new BigDecimal("12.34567")),
                  BigDecimal.class);
              there(c, seen, "a_text", s -> s.setString(1, "Größe \uD83D\uDE00"), String.class);
              there(c, seen, "a_text", s -> s.setNString(1, "n"), String.class);
              there(c, seen, "a_text", s -> s.setCharacterStream(1, new StringReader("read")));
              there(c, seen, "a_char", s -> s.setString(1, "ab"), String.class);
              there(c, seen, "a_varchar", s -> s.setObject(1, "x", Types.VARCHAR), String.class);
              there(c, seen, "a_text", s -> s.setString(1, "nul \0 inside"));
              there(c, seen, "an_int", s -> s.setString(1, "5"));
              there(c, seen, "an_int", s -> s.setNull(1, Types.INTEGER));
              there(c, seen, "a_bool", s -> s.setObject(1, "yes", Types.BOOLEAN));
              there(c, seen, "a_numeric", s -> s.setObject(1, 3, Types.NUMERIC));
              there(c, seen, "an_oid", s -> s.setLong(1, 26), Long.class);
              there(c, seen, "a_percent", s -> s.setInt(1, 99), Integer.class);
            }),
        on(
            "dates and times",
            (c, seen) -> {
              there(
                  c,
                  seen,
                  "a_date",
                  s -> s.setObject(1, LocalDate.of(2026, 2, 28)),
                  LocalDate.class);
              there(
                  c,
                  seen,
                  "a_date",
                  s -> s.setDate(1, java.sql.Date.valueOf("2026-02-28")),
                  java.sql.Date.class);
              there(c, seen, "a_time", s -> s.setObject(1, LocalTime.of(1, 2, 3)), LocalTime.class);
              there(
                  c,
                  seen,
                  "a_time",
                  s -> s.setTime(1, java.sql.Time.valueOf("01:02:03")),
                  java.sql.Time.class);
              there(
                  c,
                  seen,
                  "a_timestamp",
                  s -> s.setObject(1, LocalDateTime.of(2026, 1, 2, 3, 4, 5, 6_000)),
                  LocalDateTime.class,
                  java.sql.Timestamp.class);
              there(
                  c,
                  seen,
                  "a_timestamptz",
                  s ->
                      s.setObject(
                          1, OffsetDateTime.of(2026, 1, 2, 3, 4, 5, 0, ZoneOffset.ofHours(5))),
                  OffsetDateTime.class,
                  LocalDateTime.class,
                  Instant.class);
              there(
                  c,
                  seen,
                  "a_timestamptz",
                  s -> s.setTimestamp(1, java.sql.Timestamp.from(Instant.EPOCH)));
              there(c, seen, "a_timestamptz", s -> s.setObject(1, Instant.EPOCH));
              there(
                  c,
                  seen,
                  "a_timetz",
                  s -> s.setObject(1, LocalTime.NOON.atOffset(ZoneOffset.ofHours(1))),
                  java.time.OffsetTime.class);
              there(c, seen, "a_date", s -> s.setObject(1, LocalDate.MAX), LocalDate.class);
              there(
                  c,
                  seen,
                  "an_interval",
                  s -> s.setObject(1, new PGInterval("1 year 2 mons 3 days 04:05:06.7")),
                  PGInterval.class,
                  java.time.Duration.class);
              seen.sql(
                  c, "SET TIME ZONE 'Asia/Tokyo'", "SELECT '2026-01-01 00:00:00+00'::timestamptz");
              there(
                  c,
                  seen,
                  "a_timestamptz",
                  s -> s.setObject(1, OffsetDateTime.parse("2026-01-01T00:00Z")));
              seen.sql(c, "RESET TIME ZONE");
            }),
        on(
            "bytes and bits",
            (c, seen) -> {
              byte[] bytes = {0, 1, -1, 127, 92, 39};
              there(c, seen, "a_bytea", s -> s.setBytes(1, bytes), byte[].class);
              there(
                  c,
                  seen,
                  "a_bytea",
                  s -> s.setBinaryStream(1, new ByteArrayInputStream(bytes), 6));
              there(c, seen, "a_bytea", s -> s.setBinaryStream(1, new ByteArrayInputStream(bytes)));
              there(c, seen, "a_bytea", s -> s.setBytes(1, new byte[50_000]));
              there(
                  c,
                  seen,
                  "a_bytea",
                  s ->
                      s.setBinaryStream(
                          1,
                          new InputStream() {
                            @Override
                            public int read() throws java.io.IOException {
                              throw new java.io.IOException("no more");
                            }
                          },
                          10));
              there(c, seen, "a_bit", s -> s.setObject(1, true, Types.BIT), Boolean.class);
              there(c, seen, "bits", s -> s.setObject(1, "0101", Types.OTHER), String.class);
              try (var s = c.createStatement();
                  ResultSet rows = s.executeQuery("SELECT '\\x0102'::bytea AS b")) {
                rows.next();
                seen.see("stream", () -> rows.getBinaryStream(1));
                seen.see("bytes", () -> rows.getBytes("b"));
              }
            }),
        on(
            "arrays",
            (c, seen) -> {
              Array ints = c.createArrayOf("int4", new Object[] {1, null, 3});
              there(c, seen, "ints", s -> s.setArray(1, ints), Integer[].class);
              there(
                  c,
                  seen,
                  "texts",
                  s -> s.setArray(1, c.createArrayOf("text", new Object[] {"a", "b\"c", null})));
              there(c, seen, "texts", s -> s.setObject(1, new String[] {"x", "y"}));
              there(c, seen, "ints", s -> s.setObject(1, new int[] {4, 5}));
              seen.see("wrong type", () -> c.createArrayOf("nowhere", new Object[] {1}));
              seen.see(
                  "free",
                  () -> {
                    ints.free();
                    return ints.getArray();
                  });
              try (var s = c.createStatement();
                  ResultSet rows =
                      s.executeQuery("SELECT ARRAY[1, 2, 3], ARRAY[['a', 'b'], ['c', 'd']]")) {
                rows.next();
                Array one = rows.getArray(1);
                seen.see("base type", one::getBaseType);
                seen.see("slice", () -> one.getArray(2, 2));
                seen.see("as rows", one::getResultSet);
                seen.see("two dimensions", () -> rows.getArray(2));
                seen.see("as text", one::toString);
              }
              seen.see("empty", () -> c.createArrayOf("int4", new Object[0]));
              try (PreparedStatement s = c.prepareStatement("SELECT 2 = ANY(?)")) {
                s.setArray(1, c.createArrayOf("integer", new Object[] {1, 2}));
                seen.see("any", s::executeQuery);
              }
            }),
        on(
            "XML",
            (c, seen) -> {
              SQLXML xml = c.createSQLXML();
              xml.setString("<a>b</a>");
              there(c, seen, "an_xml", s -> s.setSQLXML(1, xml), SQLXML.class);
              there(c, seen, "an_xml", s -> s.setString(1, "<a>"));
              SQLXML streamed = c.createSQLXML();
              streamed.setCharacterStream().append("<c/>").close();
              there(c, seen, "an_xml", s -> s.setObject(1, streamed));
            }),
        on(
            "UUID, JSON, enums, composites, ranges and other objects",
            (c, seen) -> {
              UUID uuid = UUID.fromString("00000000-0000-0000-0000-0000000000ff");
              there(c, seen, "a_uuid", s -> s.setObject(1, uuid), UUID.class);
              there(c, seen, "a_json", s -> s.setObject(1, object("json", "{\"a\": 1}")));
              there(c, seen, "a_jsonb", s -> s.setObject(1, object("jsonb", "{\"a\":  1}")));
              there(c, seen, "a_jsonb", s -> s.setObject(1, "[1]", Types.OTHER));
              there(c, seen, "a_jsonb", s -> s.setString(1, "[1]"));
              there(c, seen, "a_mood", s -> s.setObject(1, "happy", Types.OTHER), String.class);
              there(c, seen, "a_mood", s -> s.setObject(1, object("mood", "ok")));
              there(c, seen, "a_mood", s -> s.setObject(1, object("mood", "angry")));
              there(
                  c, seen, "a_pair", s -> s.setObject(1, object("pair", "(1,x)")), PGobject.class);
              there(c, seen, "a_point", s -> s.setObject(1, new PGpoint(1, 2)), PGpoint.class);
              there(c, seen, "a_money", s -> s.setObject(1, new PGmoney(3.5)));
              there(c, seen, "an_inet", s -> s.setObject(1, object("inet", "::1")));
              there(c, seen, "a_range", s -> s.setObject(1, object("int4range", "[1,5)")));
              there(c, seen, "a_point", s -> s.setObject(1, Map.of("k", "v")));
              seen.sql(
                  c,
                  "SELECT ROW(1, 'x'), 'a=>1'::text, '{1}'::int[], int4multirange(int4range(1, 3))");
            }),
        on(
            "types made by the test",
            (c, seen) -> {
              seen.sql(
                  c,
                  "CREATE TYPE colour AS ENUM ('red', 'blue')",
                  "CREATE TABLE painted (id int, c colour, cs colour[])",
                  "INSERT INTO painted VALUES (1, 'red', '{red,blue}')",
                  "SELECT * FROM painted");
              try (PreparedStatement s = c.prepareStatement("UPDATE painted SET c = ?::colour")) {
                s.setString(1, "blue");
                seen.see("update", s::executeUpdate);
              }
              try (PreparedStatement s = c.prepareStatement("UPDATE painted SET c = ?, cs = ?")) {
                s.setObject(1, object("colour", "red"));
                s.setArray(2, c.createArrayOf("colour", new Object[] {"blue"}));
                seen.see("as an object", s::executeUpdate);
              }
              seen.sql(
                  c,
                  "SELECT * FROM painted",
                  "DROP TABLE painted",
                  "DROP TYPE colour",
                  "CREATE TYPE colour AS (r int, g int)",
                  "SELECT (1, 2)::colour");
            }),
        on(
            "a new value of an enum",
            (c, seen) ->
                seen.sql(c, "ALTER TYPE mood ADD VALUE 'great'", "SELECT 'great'::mood::text")),
        on(
            "addDataType",
            (c, seen) -> {
              PGConnection pg = c.unwrap(PGConnection.class);
              seen.does("add", () -> pg.addDataType("mood", Mood.class));
              seen.sql(c, "SELECT 'ok'::mood");
              there(c, seen, "a_mood", s -> s.setObject(1, "sad", Types.OTHER));
            }),
        on("data types are as before", (c, seen) -> seen.sql(c, "SELECT 'ok'::mood")),
        on(
            "structs, rowids and other things that the driver has not",
            (c, seen) -> {
              seen.see("struct", () -> c.createStruct("pair", new Object[] {1, "x"}));
              seen.see("NClob", c::createNClob);
              seen.see("type map", c::getTypeMap);
              seen.does("set a type map", () -> c.setTypeMap(Map.of()));
              seen.see(
                  "sharding key",
                  () -> {
                    c.setShardingKey(null);
                    return "set";
                  });
              seen.see(
                  "begin request",
                  () -> {
                    c.beginRequest();
                    c.endRequest();
                    return "done";
                  });
            }),
        on(
            "encodings of text",
            (c, seen) -> {
              try (PreparedStatement s =
                  c.prepareStatement("SELECT ?, length(?), octet_length(?)")) {
                String text = "ä€\uD83D\uDE00" + new String(new char[] {'\u0301'});
                for (int i = 1; i <= 3; i++) {
                  s.setString(i, text);
                }
                seen.see("text", s::executeQuery);
              }
              seen.note("utf-8", "ä".getBytes(StandardCharsets.UTF_8).length);
            }));
  }

  private static PGobject object(String type, String value) throws Exception {
    PGobject object = new PGobject();
    object.setType(type);
    object.setValue(value);
    return object;
  }

  /** A type of the application's own. */
  public static final class Mood extends PGobject {
    private static final long serialVersionUID = 1;

    /** For the driver. */
    public Mood() {}
  }
}
