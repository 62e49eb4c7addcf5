package io.sandpiper;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Why a message or request that carries an id is not let into any sandbox.
 *
 * @param reason the kind of refusal
 * @param id run and sequence as the id claims them, or null where it claims nothing readable
 * @param test the ended test, or null where the refusal is about none
 * @param sinceEnd how long before the refusal that test ended, or null
 */
public record Refusal(
    Reason reason, @Nullable String id, @Nullable String test, @Nullable Duration sinceEnd) {

  /** The kinds of refusal, in the design's words. */
  public enum Reason {
    /** The id is of this run and its test has ended. */
    LATE,
    /** The id names another run. */
    STRAY,
    /** The id names this run and its MAC does not verify. */
    FORGED,
    /** The value begins like an id and is none. */
    MALFORMED,
    /** Several open tests sent the same correlation or message id. */
    AMBIGUOUS
  }

  static Refusal malformed() {
    return new Refusal(Reason.MALFORMED, null, null, null);
  }

  static Refusal forged(String id) {
    return new Refusal(Reason.FORGED, id, null, null);
  }

  static Refusal stray(String id) {
    return new Refusal(Reason.STRAY, id, null, null);
  }

  static Refusal ambiguous() {
    return new Refusal(Reason.AMBIGUOUS, null, null, null);
  }

  static Refusal late(String id, @Nullable String test, @Nullable Duration sinceEnd) {
    return new Refusal(Reason.LATE, id, test, sinceEnd);
  }

  /** A sentence that names the id, its state and the remedy; safe to log and to send. */
  public String message() {
    return switch (reason) {
      case LATE ->
          "Test id %s is late: %s ended%s. Await the message in the test, or let it be."
              .formatted(
                  id,
                  test == null ? "its test" : test,
                  sinceEnd == null ? "" : " " + Durations.text(sinceEnd) + " ago");
      case STRAY ->
          ("Test id %s is of another run. Give each run its own broker or virtual host, or let this"
                  + " run end before the next begins.")
              .formatted(id);
      case FORGED ->
          ("Test id %s names this run but its MAC does not verify. Copy the id verbatim from the"
                  + " request to the reply.")
              .formatted(id);
      case MALFORMED ->
          "A test id is malformed: it begins with %s and is no id. Copy ids verbatim."
              .formatted(TestId.PREFIX);
      case AMBIGUOUS ->
          "Several open tests sent the same correlation id. Make it unique, or echo the"
              + " test id header.";
    };
  }
}
