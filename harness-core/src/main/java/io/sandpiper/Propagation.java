package io.sandpiper;

import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How a test id, and the name of a database, are written into the headers of what leaves a test.
 */
public final class Propagation {

  /** The header of our own; HTTP compares names without case, AMQP with it. */
  public static final String HEADER = "x-test-id";

  /** The header of W3C baggage, whose members {@code test.id} and {@code test.db} are ours. */
  public static final String BAGGAGE = "baggage";

  private Propagation() {}

  /**
   * Stamps a carrier with the id of a test and, where that is asked for, with the name of its
   * database; the latter may have to be made first.
   *
   * @param sandbox the test's
   * @param baggage the carrier's baggage header so far, or null
   * @param setter sets a header of the carrier, replacing what was there
   * @throws IllegalStateException where others are to be told of a database that cannot be made;
   *     the carrier is not to be sent then
   */
  public static void inject(
      Sandbox sandbox, @Nullable String baggage, BiConsumer<String, String> setter) {
    String database = sandbox.databaseToJoin();
    String stamped =
        baggage == null && database == null
            ? sandbox.baggage()
            : Baggage.write(baggage, sandbox.id(), database);
    setter.accept(HEADER, sandbox.id().value());
    setter.accept(BAGGAGE, stamped);
  }

  /**
   * The test id that a baggage header names, whether or not it is one of this run's.
   *
   * @param baggage the header, or null
   * @return the id, or null where the header has no member for it
   */
  public static @Nullable String idIn(@Nullable String baggage) {
    return Baggage.read(baggage);
  }
}
