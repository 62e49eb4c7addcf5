package io.sandpiper;

import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a failed assertion says: the expectation, the mailbox, what is outstanding, the timeline.
 */
final class FailureText {

  /** How long a failure waits to tell "never came" from "came too late". */
  private static final Duration TOO_LATE = Duration.ofMillis(100);

  /** Of what there may be thousands of. */
  private static final int MOST = 50;

  private final Sandbox sandbox;

  FailureText(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  String noMatch(Expectation expected, Duration timeout) {
    Duration gaveUpAt = sandbox.age();
    Lines lines = new Lines();
    lines.add(
        "No %s matched within %s: %s",
        what(expected.direction()), Durations.text(timeout), expected);
    Hop found = new Waits(sandbox).match(expected, timeout.isZero() ? timeout : TOO_LATE);
    hops(lines, expected);
    if (found != null) {
      lines.add("#%d %s", found.number(), tooLate(found, gaveUpAt));
    }
    outstanding(lines);
    diagnoses(lines, expected);
    return timeline(lines);
  }

  private static String tooLate(Hop found, Duration gaveUpAt) {
    Work handler = found.handler();
    if (found.at().compareTo(gaveUpAt) > 0) {
      return "arrived %s after the timeout. Give the assertion more time."
          .formatted(Durations.text(found.at().minus(gaveUpAt)));
    }
    return handler == null || handler.finished()
        ? "came just after the timeout. Give the assertion more time."
        : "matches, but its handler has not finished.";
  }

  private void hops(Lines lines, Expectation expected) {
    List<Hop> hops = sandbox.read(() -> sandbox.mailbox().going(expected.direction()));
    Set<Hop> consumed = sandbox.read(() -> sandbox.mailbox().consumed());
    lines.add(
        "%s %s (test id %s), %s%s",
        heading(expected.direction()),
        sandbox.testName(),
        sandbox.id(),
        number(hops.size(), what(expected.direction())),
        hops.isEmpty() ? "" : ", none matched:");
    Hop closest =
        hops.stream()
            .filter(expected::isAt)
            .filter(hop -> !consumed.contains(hop))
            .min(Comparator.comparingInt(hop -> expected.mismatches(hop).size()))
            .orElse(null);
    List<Hop> last = hops.subList(Math.max(0, hops.size() - MOST), hops.size());
    if (last.size() < hops.size()) {
      lines.add("  … %d earlier ones", hops.size() - last.size());
    }
    for (Hop hop : last) {
      lines.add(
          "  #%d %s %s%s%s%s",
          hop.number(),
          Durations.offset(hop.at()),
          hop,
          hop.direction() == Hop.Direction.RECEIVED ? "  attributed by " + hop.attribution() : "",
          consumed.contains(hop) ? "   consumed by an earlier assertion" : "",
          hop == closest && !expected.mismatches(hop).isEmpty()
              ? "   closest: " + String.join(", ", expected.mismatches(hop))
              : "");
    }
  }

  private static String heading(Hop.Direction direction) {
    return switch (direction) {
      case SENT -> "Sent by";
      case RECEIVED -> "Mailbox of";
      case CALLED -> "Watched calls of";
    };
  }

  private static String what(Hop.Direction direction) {
    return direction == Hop.Direction.CALLED ? "call" : "message";
  }

  private static String number(int count, String what) {
    return count == 1 ? "1 " + what : "%d %ss".formatted(count, what);
  }

  private void outstanding(Lines lines) {
    Duration now = sandbox.age();
    add(
        lines,
        sandbox.read(() -> sandbox.ledger().outstanding()),
        hop ->
            "Outstanding: #%d %s %s, %s ago, no reply"
                .formatted(
                    hop.number(),
                    Durations.offset(hop.at()),
                    hop,
                    Durations.text(now.minus(hop.at()))));
    add(
        lines,
        sandbox.read(() -> sandbox.ledger().counted()),
        work -> "In progress: " + work.describe());
    add(
        lines,
        sandbox.read(() -> sandbox.ledger().describeInTransit()),
        transit -> "In progress: " + transit);
    add(
        lines,
        sandbox.read(() -> sandbox.ledger().failed()),
        work -> "Failed: %s: %s".formatted(work.name(), work.failure()));
  }

  private static <T> void add(Lines lines, List<T> all, Function<T, String> line) {
    all.stream().limit(MOST).forEach(each -> lines.add("%s", line.apply(each)));
    if (all.size() > MOST) {
      lines.add("… %d more", all.size() - MOST);
    }
  }

  private void diagnoses(Lines lines, Expectation expected) {
    Set<String> addresses = new LinkedHashSet<>();
    addresses.add(expected.address());
    sandbox.read(() -> sandbox.ledger().outstanding()).forEach(hop -> addresses.add(hop.address()));
    long began = System.nanoTime() - sandbox.age().toNanos();
    // Several contexts on one broker say the same.
    Set<String> said = new LinkedHashSet<>();
    for (String address : addresses) {
      for (Function<String, @Nullable String> diagnosis : sandbox.run().diagnoses()) {
        String explanation = explain(diagnosis, address);
        if (explanation != null) {
          said.add(explanation);
        }
      }
      for (String turned : sandbox.run().turnedAway().at(address, began)) {
        said.add("Meanwhile on \"%s\": %s".formatted(address, turned));
      }
    }
    said.forEach(line -> lines.add("%s", line));
  }

  /** A diagnosis that fails must not take the place of the failure that it should explain. */
  private static @Nullable String explain(
      Function<String, @Nullable String> diagnosis, String address) {
    try {
      return diagnosis.apply(address);
    } catch (RuntimeException failed) {
      return "Nothing could be found out about \"%s\": %s".formatted(address, failed);
    }
  }

  String handlerFailed(Hop hop, Throwable failure) {
    Lines lines = new Lines();
    lines.add("#%d %s came, and its handler failed: %s", hop.number(), hop, failure);
    return timeline(lines);
  }

  String unexpected(Expectation unexpected, Hop hop) {
    Lines lines = new Lines();
    lines.add(
        "A %s matched that should not have come: %s", what(unexpected.direction()), unexpected);
    lines.add(
        "  #%d %s %s  attributed by %s",
        hop.number(), Durations.offset(hop.at()), hop, hop.attribution());
    lines.add("  %s", hop.text());
    return timeline(lines);
  }

  String stillFalse(AssertionError last, Duration timeout) {
    Lines lines = new Lines();
    lines.add("Not so within %s: %s", Durations.text(timeout), last.getMessage());
    outstanding(lines);
    return timeline(lines);
  }

  String withTimeline(String text) {
    Lines lines = new Lines();
    lines.add("%s", text);
    return timeline(lines);
  }

  private String timeline(Lines lines) {
    return lines + Timeline.HEADING + sandbox.journal();
  }

  private static final class Lines {

    private final StringBuilder text = new StringBuilder();

    void add(String format, @Nullable Object... values) {
      text.append(String.format(java.util.Locale.ROOT, format, values)).append('\n');
    }

    @Override
    public String toString() {
      return text.toString();
    }
  }
}
