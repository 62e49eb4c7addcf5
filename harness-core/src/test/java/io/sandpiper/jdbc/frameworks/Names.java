package io.sandpiper.jdbc.frameworks;

import java.util.List;
import java.util.stream.Stream;

/** One table of unique names, by the means of a framework. */
interface Names {

  /** Inserts at once, not at a later flush. */
  void add(String name);

  /** Inserts by a JDBC batch where the framework has that. */
  void addBatch(List<String> names);

  /** All that can be seen, in order. */
  List<String> all();

  /** All that can be seen, by a cursor; called inside a transaction, closed by the caller. */
  Stream<String> stream();

  void rename(String from, String to);

  void remove(String name);
}
