package io.sandpiper;

/**
 * The token of one running test, {@code sp1.<run>.<sequence>.<mac>}, as it travels in headers.
 *
 * <p>{@link #value()} is the whole token and proves that its holder was given it; {@link
 * #toString()} is run and sequence only, for logs and messages.
 *
 * @param run the name of the run
 * @param sequence the number of the sandbox within its run, from 1
 * @param value the whole token, at most {@value #MAX_LENGTH} characters of {@code [A-Za-z0-9._~-]}
 */
public record TestId(String run, long sequence, String value) {

  static final String PREFIX = "sp1.";
  static final int MAX_LENGTH = 64;

  private static final int DIGITS = 6;

  static String label(String run, long sequence) {
    return run + "-" + digits(sequence);
  }

  /** Not by a format, which would cost more than the MAC of the id. */
  static String digits(long sequence) {
    String digits = Long.toString(sequence);
    return "0".repeat(Math.max(0, DIGITS - digits.length())) + digits;
  }

  /** A header's value as messages may show it. */
  static String withoutMac(String value) {
    int mac = value.lastIndexOf('.');
    return value.startsWith(PREFIX) && mac > PREFIX.length() ? value.substring(0, mac) : value;
  }

  /** Run and sequence, never the MAC. */
  @Override
  public String toString() {
    return label(run, sequence);
  }
}
