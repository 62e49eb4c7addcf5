package io.sandpiper.jdbc;

import java.math.BigInteger;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * How far the sequences of an application's database have gone, so that each clone goes on in a
 * range of its own.
 *
 * <p>Applications keep blocks of ids in memory, one for all tests: Hibernate's pooled optimizer
 * does. A block that one clone gave must not be given by another one, nor by the application's own
 * database.
 */
record Sequences(List<Sequence> all) {

  static final Sequences NONE = new Sequences(List.of());

  /** How many values one clone may take before it meets the next one's. */
  private static final long LOT = 10_000;

  /** What floating-point numbers still tell apart, which programs make of ids. */
  private static final long LARGEST = 1L << 53;

  /** With fewer there is no room: they would be used again while memory still has of them. */
  private static final long FEWEST_LOTS = 100;

  /**
   * Up to where a sequence may be moved is what its columns can hold, and of those that no column
   * names at most what an int can: ids of a program may be ints where the sequence counts in
   * bigint. Columns of text have a width that ids are made to fit; theirs stay.
   */
  private static final String MOVABLE =
      """
      WITH used AS (
        SELECT objid AS seq, refobjid AS tab, refobjsubid AS col FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
          AND deptype IN ('a', 'i') AND refobjsubid > 0
        UNION
        SELECT d.refobjid, f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
        WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
      ), fits AS (
        SELECT seq, min(CASE coalesce(nullif(t.typbasetype, 0), t.oid)
                          WHEN 'int2'::regtype THEN 32767
                          WHEN 'int4'::regtype THEN 2147483647
                          WHEN 'int8'::regtype THEN 9007199254740992
                          ELSE 0 END) AS largest
        FROM used JOIN pg_attribute a ON attrelid = tab AND attnum = col
        JOIN pg_type t ON t.oid = atttypid GROUP BY seq
      )
      SELECT c.oid, format('%I.%I', nspname, relname), seqincrement, seqmin, seqmax,
             coalesce(largest, 9007199254740992)
      FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid
      JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN fits ON seq = c.oid
      WHERE relpersistence <> 't' AND has_schema_privilege(n.oid, 'USAGE')
        AND has_sequence_privilege(seqrelid, 'SELECT')
        AND has_sequence_privilege(seqrelid, 'UPDATE')
      """;

  /**
   * One that may be moved.
   *
   * @param next what it gives next
   * @param edge what it must not go beyond
   */
  record Sequence(long oid, String name, long increment, long next, long edge) {

    /** How many clones can have a range of their own. */
    private long lots() {
      BigInteger way = BigInteger.valueOf(edge).subtract(BigInteger.valueOf(next));
      return way.divide(BigInteger.valueOf(increment).multiply(BigInteger.valueOf(LOT)))
          .subtract(BigInteger.ONE)
          .longValue();
    }

    private boolean hasRoom() {
      return lots() >= FEWEST_LOTS;
    }

    /** The ranges of clones that are long gone are used again where there are no more. */
    private long next(long number) {
      return next + (1 + (number - 1) % lots()) * LOT * increment;
    }
  }

  /** Reads where the sequences of a connection's database are. */
  static Sequences of(Connection connection) throws SQLException {
    List<Sequence> movable = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        Statement each = connection.createStatement();
        ResultSet found = statement.executeQuery(MOVABLE)) {
      while (found.next()) {
        Sequence sequence = read(each, found);
        if (sequence.hasRoom()) {
          movable.add(sequence);
        }
      }
    }
    return new Sequences(List.copyOf(movable));
  }

  private static Sequence read(Statement statement, ResultSet found) throws SQLException {
    String name = found.getString(2);
    long increment = found.getLong(3);
    try (ResultSet state = statement.executeQuery("SELECT last_value, is_called FROM " + name)) {
      state.next();
      long last = state.getLong(1);
      long oid = found.getLong(1);
      if (isFarOut(last) || isFarOut(increment)) {
        return new Sequence(oid, name, increment, last, last);
      }
      long next = state.getBoolean(2) ? last + increment : last;
      return new Sequence(oid, name, increment, next, edge(increment, next, found));
    }
  }

  /** Where there is no room, and sums might not fit. */
  private static boolean isFarOut(long value) {
    return value > LARGEST || value < -LARGEST;
  }

  private static long edge(long increment, long next, ResultSet found) throws SQLException {
    long largest = found.getLong(6);
    if (Math.abs(next) <= Integer.MAX_VALUE) {
      largest = Math.min(largest, Integer.MAX_VALUE);
    }
    return increment > 0
        ? Math.min(found.getLong(5), largest)
        : Math.max(found.getLong(4), -largest);
  }

  /**
   * Moves the sequences of a clone.
   *
   * @param number that of the clone, from 1
   */
  void move(Connection clone, long number) throws SQLException {
    if (all.isEmpty()) {
      return;
    }
    try (PreparedStatement move =
        clone.prepareStatement(
            "SELECT setval(oid::regclass, next, false)"
                + " FROM unnest(?::oid[], ?::bigint[]) AS s (oid, next)")) {
      move.setArray(1, clone.createArrayOf("int8", all.stream().map(Sequence::oid).toArray()));
      move.setArray(
          2, clone.createArrayOf("int8", all.stream().map(s -> s.next(number)).toArray()));
      move.execute();
    }
  }
}
