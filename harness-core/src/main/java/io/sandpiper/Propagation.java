package io.sandpiper;

import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** How a test id is written into the headers of what leaves a test. */
public final class Propagation {

  /** The header of our own; HTTP compares names without case, AMQP with it. */
  public static final String HEADER = "x-test-id";

  /** The header of W3C baggage, of which one member is ours. */
  public static final String BAGGAGE = "baggage";

  private Propagation() {}

  /**
   * Stamps a carrier.
   *
   * @param id what to stamp
   * @param baggage the carrier's baggage header so far, or null
   * @param setter sets a header of the carrier, replacing what was there
   */
  public static void inject(
      TestId id, @Nullable String baggage, BiConsumer<String, String> setter) {
    setter.accept(HEADER, id.value());
    setter.accept(BAGGAGE, Baggage.write(baggage, id));
  }
}
