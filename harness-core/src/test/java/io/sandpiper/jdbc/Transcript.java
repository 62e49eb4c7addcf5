package io.sandpiper.jdbc;

import java.io.InputStream;
import java.io.Reader;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.SQLXML;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * What a program has seen, one line an observation, rendered so that equal lines mean equal values
 * of equal types.
 */
final class Transcript {

  private static final Object DONE =
      new Object() {
        @Override
        public String toString() {
          return "done";
        }
      };

  private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

  List<String> lines() {
    return List.copyOf(lines);
  }

  void note(String label, @Nullable Object value) throws Exception {
    write(label, render(value));
  }

  /** Does something and writes down what it returns or throws. */
  void see(String label, Callable<? extends @Nullable Object> action) throws Exception {
    String seen;
    try {
      Object result = action.call();
      seen = result == DONE ? "done" : render(result);
    } catch (SQLException | RuntimeException | java.io.IOException thrown) {
      seen = thrown(thrown);
    } catch (ExecutionException inFuture) {
      seen = "in the future " + thrown(inFuture.getCause());
    }
    write(label, seen);
  }

  /** Something that returns nothing. */
  @FunctionalInterface
  interface Step {
    void run() throws Exception;
  }

  /** Does something and writes down whether it throws. */
  void does(String label, Step step) throws Exception {
    see(
        label,
        () -> {
          step.run();
          return DONE;
        });
  }

  /** Executes texts one after another and writes down all their results and warnings. */
  void sql(Connection connection, String... texts) throws Exception {
    for (String text : texts) {
      execute(connection, text);
    }
  }

  private void execute(Connection connection, String text) throws Exception {
    try (Statement statement = connection.createStatement()) {
      write(text, results(statement, statement.execute(text)));
    } catch (SQLException | RuntimeException thrown) {
      write(text, thrown(thrown));
    }
  }

  /** All results of a statement that has been executed, and its warnings. */
  static String results(Statement statement, boolean rows) throws Exception {
    StringJoiner results = new StringJoiner(" then ");
    boolean isRows = rows;
    while (isRows || statement.getUpdateCount() != -1) {
      results.add(isRows ? rows(statement.getResultSet()) : "count " + statement.getUpdateCount());
      isRows = statement.getMoreResults();
    }
    if (statement.getWarnings() != null) {
      results.add(render(statement.getWarnings()));
    }
    return results.toString();
  }

  /** What each getter of an object says: its methods without arguments that get or ask. */
  void getters(Class<?> type, Object object, String... except) throws Exception {
    Set<String> left = Set.of(except);
    Arrays.stream(type.getMethods())
        .filter(method -> method.getParameterCount() == 0)
        .filter(method -> method.getReturnType() != void.class)
        .filter(method -> !Set.of("hashCode", "toString", "getClass").contains(method.getName()))
        .filter(method -> !left.contains(method.getName()))
        .sorted(Comparator.comparing(Method::getName))
        .forEach(method -> call(type, object, method));
  }

  /** What result-set metadata say of each column. */
  void columns(ResultSetMetaData columns) throws Exception {
    note("column count", columns.getColumnCount());
    for (int i = 1; i <= columns.getColumnCount(); i++) {
      int column = i;
      Arrays.stream(ResultSetMetaData.class.getMethods())
          .filter(method -> Arrays.equals(method.getParameterTypes(), new Class<?>[] {int.class}))
          .sorted(Comparator.comparing(Method::getName))
          .forEach(method -> call(ResultSetMetaData.class, columns, method, column));
    }
  }

  /** Calls a method and writes down what it answers. */
  void call(Class<?> type, Object object, Method method, Object... args) {
    String label =
        type.getSimpleName() + "." + method.getName() + (args.length == 0 ? "" : List.of(args));
    try {
      see(label, () -> invoke(object, method, args));
    } catch (Exception unexpected) {
      throw new IllegalStateException(label, unexpected);
    }
  }

  private static @Nullable Object invoke(Object object, Method method, Object... args)
      throws Exception {
    try {
      return method.invoke(object, args);
    } catch (InvocationTargetException thrown) {
      if (thrown.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw thrown;
    }
  }

  private void write(String label, String seen) {
    String line = label + " -> " + seen;
    lines.add(
        line.replaceAll("large object \\d+", "large object <oid>")
            .replaceAll("portal \"C_\\d+", "portal \"<portal>"));
  }

  private static String rows(ResultSet rows) throws Exception {
    ResultSetMetaData columns = rows.getMetaData();
    StringBuilder text = new StringBuilder("rows (");
    for (int i = 1; i <= columns.getColumnCount(); i++) {
      text.append(i == 1 ? "" : ", ")
          .append(columns.getColumnLabel(i))
          .append(' ')
          .append(columns.getColumnTypeName(i));
    }
    text.append(")");
    while (rows.next()) {
      text.append(" [");
      for (int i = 1; i <= columns.getColumnCount(); i++) {
        text.append(i == 1 ? "" : ", ").append(render(rows.getObject(i)));
      }
      text.append("]");
    }
    return text.toString();
  }

  static String render(@Nullable Object value) throws Exception {
    if (value == null) {
      return "null";
    }
    if (value instanceof ResultSet rows) {
      return rows(rows);
    }
    if (value instanceof SQLWarning warning) {
      return "warning " + thrown(warning);
    }
    if (value instanceof Throwable thrown) {
      return thrown(thrown);
    }
    if (value instanceof Array array) {
      return "Array of " + array.getBaseTypeName() + " " + render(array.getArray());
    }
    if (value instanceof SQLXML xml) {
      return "SQLXML " + xml.getString();
    }
    if (value instanceof Blob blob) {
      return "Blob " + render(blob.getBytes(1, (int) blob.length()));
    }
    if (value instanceof Clob clob) {
      return "Clob " + clob.getSubString(1, (int) clob.length());
    }
    if (value instanceof PGobject object) {
      return "%s(%s) %s"
          .formatted(object.getClass().getSimpleName(), object.getType(), object.getValue());
    }
    if (value instanceof InputStream stream) {
      return "stream " + render(stream.readAllBytes());
    }
    if (value instanceof Reader reader) {
      StringWriter text = new StringWriter();
      reader.transferTo(text);
      return "reader " + text;
    }
    return Proxy.isProxyClass(value.getClass()) || value instanceof java.sql.Wrapper
        ? jdbcType(value)
        : plain(value);
  }

  private static String plain(Object value) throws Exception {
    String type = value.getClass().getSimpleName();
    if (value instanceof byte[] bytes) {
      return "bytes " + HexFormat.of().formatHex(bytes);
    }
    if (value instanceof String text) {
      return '"' + text + '"';
    }
    if (value instanceof int[] numbers) {
      return "int" + Arrays.toString(numbers);
    }
    if (value instanceof long[] numbers) {
      return "long" + Arrays.toString(numbers);
    }
    if (value instanceof Map<?, ?> values) {
      return "Map " + values;
    }
    if (value instanceof Object[] values) {
      return type + " " + list(Arrays.asList(values));
    }
    if (value instanceof Collection<?> values) {
      return list(values);
    }
    String said = value.toString();
    return said.equals(value.getClass().getName() + "@" + Integer.toHexString(value.hashCode()))
        ? "a " + type
        : type + " " + said;
  }

  private static String list(Collection<?> values) throws Exception {
    StringJoiner text = new StringJoiner(", ", "[", "]");
    for (Object value : values) {
      text.add(render(value));
    }
    return text.toString();
  }

  /** Which JDBC object it is; what stands behind it is nobody's business. */
  private static String jdbcType(Object value) {
    return java.util.stream.Stream.of(
            java.sql.CallableStatement.class,
            java.sql.PreparedStatement.class,
            Statement.class,
            Connection.class,
            java.sql.DatabaseMetaData.class,
            ResultSetMetaData.class,
            java.sql.ParameterMetaData.class)
        .filter(type -> type.isInstance(value))
        .findFirst()
        .map(type -> "a " + type.getSimpleName())
        .orElseGet(() -> "a " + value.getClass().getSimpleName());
  }

  private static String thrown(@Nullable Throwable thrown) throws Exception {
    if (thrown == null) {
      return "!null";
    }
    StringBuilder text = new StringBuilder("!" + thrown.getClass().getSimpleName());
    if (thrown instanceof SandboxException refusal) {
      boolean remedy = String.valueOf(refusal.getMessage()).contains("DATABASE");
      return text + " " + refusal.getSQLState() + (remedy ? " naming DATABASE" : "");
    }
    if (thrown instanceof SQLException failed) {
      text.append(' ').append(failed.getSQLState()).append(' ').append(failed.getErrorCode());
      if (failed instanceof BatchUpdateException batch) {
        text.append(' ').append(render(batch.getUpdateCounts()));
        text.append(' ').append(render(batch.getLargeUpdateCounts()));
      }
      text.append(fromServer(failed));
      if (failed.getNextException() != null) {
        text.append(" next ").append(thrown(failed.getNextException()));
      }
    }
    return text.toString();
  }

  private static String fromServer(SQLException failed) {
    ServerErrorMessage said = null;
    if (failed instanceof PSQLException error) {
      said = error.getServerErrorMessage();
    } else if (failed instanceof org.postgresql.util.PSQLWarning warning) {
      said = warning.getServerErrorMessage();
    }
    if (said == null) {
      return "";
    }
    StringJoiner parts = new StringJoiner(" | ", " {", "}");
    for (Object part :
        Arrays.asList(
            said.getSeverity(),
            said.getMessage(),
            said.getDetail(),
            said.getHint(),
            said.getPosition(),
            said.getWhere(),
            said.getSchema(),
            said.getTable(),
            said.getColumn(),
            said.getDatatype(),
            said.getConstraint())) {
      parts.add(String.valueOf(part));
    }
    return parts.toString();
  }
}
