package io.sandpiper.benchmarks.soak;

import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the tests of one JVM have counted; safe for use by several threads. */
final class Tally {

  private static final Pattern LINE =
      Pattern.compile("SOAK trips=(\\d+) resent=(\\d+) crossed=(\\d+) lost=(\\d+) failed=(\\d+)");

  /** Round trips that came home. */
  final AtomicLong trips = new AtomicLong();

  /** Requests that were sent again, because a cut connection kept the broker's confirm. */
  final AtomicLong resent = new AtomicLong();

  /** Messages or rows of another test. */
  final AtomicLong crossed = new AtomicLong();

  /** Round trips that never came home, and replies whose row is missing. */
  final AtomicLong lost = new AtomicLong();

  /** Sandboxes whose end failed. */
  final AtomicLong failed = new AtomicLong();

  /** Adds what a JVM printed, where the line is its last one; else does nothing. */
  boolean addLine(String line) {
    Matcher matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      return false;
    }
    AtomicLong[] counts = {trips, resent, crossed, lost, failed};
    for (int i = 0; i < counts.length; i++) {
      counts[i].addAndGet(Long.parseLong(matcher.group(i + 1)));
    }
    return true;
  }

  @Override
  public String toString() {
    return "SOAK trips=%d resent=%d crossed=%d lost=%d failed=%d"
        .formatted(trips.get(), resent.get(), crossed.get(), lost.get(), failed.get());
  }
}
