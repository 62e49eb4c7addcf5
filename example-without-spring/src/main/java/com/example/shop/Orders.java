package com.example.shop;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.Executor;
import javax.sql.DataSource;

/** The orders of a shop, which are confirmed in the background. Knows nothing of Sandpiper. */
public final class Orders {

  private final DataSource database;
  private final Executor workers;

  public Orders(DataSource database, Executor workers) {
    this.database = database;
    this.workers = workers;
  }

  /** Writes an order; it is confirmed later. */
  public long place(String item) {
    long order = query("INSERT INTO orders (item) VALUES (?) RETURNING id", item);
    workers.execute(
        () -> query("UPDATE orders SET confirmed = true WHERE id = ? RETURNING id", order));
    return order;
  }

  public long count(String item) {
    return query("SELECT count(*) FROM orders WHERE item = ?", item);
  }

  public boolean isConfirmed(long order) {
    return query("SELECT count(*) FROM orders WHERE id = ? AND confirmed", order) == 1;
  }

  private long query(String sql, Object parameter) {
    try (Connection connection = database.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setObject(1, parameter);
      try (ResultSet result = statement.executeQuery()) {
        result.next();
        return result.getLong(1);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
