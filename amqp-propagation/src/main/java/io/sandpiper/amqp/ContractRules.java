package io.sandpiper.amqp;

import io.sandpiper.amqp.ContractRequest.Kind;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What must hold of any worker, whatever it echoes. */
final class ContractRules {

  /** Whether a rule holds. */
  enum State {
    HOLDS("yes"),
    BROKEN("NO"),
    UNKNOWN("not checked");

    private final String words;

    State(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /** A rule, whether it holds, and what was seen. */
  record Finding(String rule, State state, String seen) {

    static Finding of(String rule, boolean holds, String seen) {
      return new Finding(rule, holds ? State.HOLDS : State.BROKEN, seen);
    }
  }

  private static final Set<Kind> ORDINARY =
      EnumSet.of(Kind.STAMPED, Kind.WITHOUT_ID, Kind.TYPED_HEADERS);
  private static final int NAMED = 4;

  private final ContractRecord record;
  private final ContractMatching matching;
  private final List<ContractRequest> ordinary;

  ContractRules(ContractRecord record, ContractMatching matching) {
    this.record = record;
    this.matching = matching;
    this.ordinary =
        record.requests().stream().filter(request -> ORDINARY.contains(request.kind())).toList();
  }

  List<Finding> findings() {
    return List.of(
        answersEach(),
        answersOnce(),
        mixesNothingUp(),
        answersWithoutId(),
        bearsTypedHeaders(),
        survives(),
        acknowledges());
  }

  private Finding answersEach() {
    List<ContractRequest> open = unanswered();
    return Finding.of(
        "answers each request",
        open.isEmpty(),
        open.isEmpty()
            ? "%d of %d".formatted(ordinary.size(), ordinary.size())
            : "no reply of its own within %s to %s"
                .formatted(record.settings().timeoutInWords(), name(open)));
  }

  private Finding answersOnce() {
    List<ContractRequest> twice = answeredAgain();
    int more = matching.tooMany().size();
    List<String> seen = new ArrayList<>();
    if (!twice.isEmpty()) {
      seen.add("more than one reply to " + name(twice));
    }
    if (more > 0) {
      seen.add("%d replies more than requests".formatted(more));
    }
    return Finding.of(
        "answers no request twice",
        seen.isEmpty(),
        seen.isEmpty() ? "%d replies".formatted(record.replies().size()) : String.join("; ", seen));
  }

  private Finding mixesNothingUp() {
    String rule = "mixes no replies up";
    List<String> mixUps = new ArrayList<>(matching.mixUps());
    if (!unanswered().isEmpty() && !answeredAgain().isEmpty()) {
      mixUps.add(
          "several replies have the ids of %s, and none those of %s"
              .formatted(name(answeredAgain()), name(unanswered())));
    }
    if (!mixUps.isEmpty()) {
      return new Finding(
          rule, State.BROKEN, String.join("; ", mixUps.subList(0, Math.min(NAMED, mixUps.size()))));
    }
    if (record.settings().answers() == null) {
      return new Finding(
          rule,
          State.HOLDS,
          "as far as the ids show; answers(…) can tell whether bodies belong to them");
    }
    return new Finding(rule, State.HOLDS, "ids and bodies belong together");
  }

  private Finding answersWithoutId() {
    boolean answered = answered(Kind.WITHOUT_ID);
    return Finding.of(
        "answers a request without any id",
        answered,
        answered ? "as in production" : "no reply; a test id must not be needed");
  }

  private Finding bearsTypedHeaders() {
    String rule = "bears header values of all types";
    ContractReply reply = reply(Kind.TYPED_HEADERS);
    if (reply == null) {
      return new Finding(rule, State.BROKEN, "no reply" + because());
    }
    Map<String, Object> back = reply.headers();
    Map<String, Object> sent = ContractRequests.TYPED_HEADERS;
    List<String> copied = sent.keySet().stream().filter(back::containsKey).toList();
    String damage =
        copied.stream()
            .filter(name -> !ContractValues.same(sent.get(name), back.get(name)))
            .map(
                name ->
                    "%s came back as %s"
                        .formatted(
                            ContractValues.describe(sent.get(name)),
                            ContractValues.describe(back.get(name))))
            .collect(Collectors.joining("; "));
    if (!damage.isEmpty()) {
      return new Finding(rule, State.BROKEN, damage);
    }
    return new Finding(
        rule,
        State.HOLDS,
        copied.isEmpty()
            ? "it copies none of them"
            : "%d of %d came back, undamaged".formatted(copied.size(), sent.size()));
  }

  private Finding survives() {
    String rule = "survives what it cannot handle";
    if (record.settings().unprocessable() == null) {
      return new Finding(rule, State.UNKNOWN, "no unprocessable(…) was given");
    }
    if (!sent(Kind.AFTER_UNPROCESSABLE)) {
      return new Finding(rule, State.UNKNOWN, "it had ended before");
    }
    boolean answered = answered(Kind.AFTER_UNPROCESSABLE);
    return Finding.of(
        rule,
        answered && record.trouble().isEmpty(),
        answered && record.trouble().isEmpty()
            ? "it answered the next request"
            : "no reply to the next request" + because());
  }

  private Finding acknowledges() {
    String rule = "acknowledges what it is given";
    Long left = record.leftover();
    if (left == null) {
      return new Finding(
          rule, State.UNKNOWN, "the queue still had a consumer after the worker was stopped");
    }
    if (!record.trouble().isEmpty()) {
      return new Finding(rule, State.UNKNOWN, "it did not end by itself");
    }
    return Finding.of(
        rule,
        left == 0,
        left == 0
            ? "nothing was in the queue once it was stopped"
            : "%d requests were in the queue once it was stopped".formatted(left));
  }

  private String because() {
    return record.trouble().isEmpty()
        ? " within " + record.settings().timeoutInWords()
        : ": " + record.trouble();
  }

  private List<ContractRequest> unanswered() {
    return ordinary.stream().filter(request -> !matching.answered(request)).toList();
  }

  private List<ContractRequest> answeredAgain() {
    return ordinary.stream().filter(request -> matching.replies(request) > 1).toList();
  }

  private boolean sent(Kind kind) {
    return record.requests().stream().anyMatch(request -> request.kind() == kind);
  }

  private boolean answered(Kind kind) {
    return reply(kind) != null;
  }

  private @Nullable ContractReply reply(Kind kind) {
    return matching.pairs().stream()
        .filter(pair -> pair.request().kind() == kind)
        .map(ContractMatching.Pair::reply)
        .findFirst()
        .orElse(null);
  }

  private static String name(List<ContractRequest> requests) {
    String named =
        requests.stream()
            .limit(NAMED)
            .map(ContractRequest::describe)
            .collect(Collectors.joining(", "));
    int more = requests.size() - NAMED;
    return more > 0 ? "%s and %d more".formatted(named, more) : named;
  }
}
