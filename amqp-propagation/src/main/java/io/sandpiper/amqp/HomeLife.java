package io.sandpiper.amqp;

import java.time.Duration;
import java.util.Map;

/**
 * How long home queues keep what nobody takes from them, and stay when nobody consumes.
 *
 * <p>What has waited in the queue of a context goes back to its run, which sends it on once more or
 * records that it is late; what has waited there, because that JVM has died, goes to the parked
 * ones. A queue that expires drops what is in it: so each stays until that has been moved on.
 *
 * @param patience after how long a message is moved on
 */
record HomeLife(Duration patience) {

  static final HomeLife USUAL = new HomeLife(Duration.ofSeconds(30));

  /** The arguments of the queue of a run. */
  Map<String, Object> ofRun() {
    // Twice as long until the last message of a context's queue has come, and been moved on.
    return arguments(Homes.PARKED, 4);
  }

  /**
   * The arguments of a queue of a context.
   *
   * @param home the queue of its run
   */
  Map<String, Object> ofContext(String home) {
    return arguments(home, 2);
  }

  private Map<String, Object> arguments(String then, int times) {
    return Map.of(
        "x-message-ttl",
        patience.toMillis(),
        "x-dead-letter-exchange",
        "",
        "x-dead-letter-routing-key",
        then,
        "x-expires",
        patience.multipliedBy(times).toMillis());
  }
}
