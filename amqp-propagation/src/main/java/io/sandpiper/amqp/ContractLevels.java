package io.sandpiper.amqp;

import io.sandpiper.Propagation;
import io.sandpiper.amqp.ContractRequest.Kind;
import io.sandpiper.amqp.WorkerContract.Level;
import io.sandpiper.amqp.WorkerContract.Verdict;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What replies show about the levels of attribution. */
final class ContractLevels {

  /** A level's verdict, and what was seen. */
  record Finding(Verdict verdict, String seen) {}

  /**
   * What one reply shows.
   *
   * @param verdict satisfied, not satisfied where it has nothing, damaged where it has something
   *     else
   * @param what how it is damaged, or an empty text
   */
  private record Sighting(Verdict verdict, String what) {

    static final Sighting VERBATIM = new Sighting(Verdict.SATISFIED, "");
    static final Sighting MISSING = new Sighting(Verdict.NOT_SATISFIED, "");

    static Sighting damaged(String what) {
      return new Sighting(Verdict.DAMAGED, what);
    }
  }

  private final List<ContractMatching.Pair> pairs;
  private final List<ContractRequest> requests;

  ContractLevels(ContractRecord record, ContractMatching matching) {
    this.requests = record.requests();
    this.pairs =
        matching.pairs().stream().filter(pair -> pair.request().kind() == Kind.STAMPED).toList();
  }

  Finding find(Level level) {
    List<ContractMatching.Pair> relevant =
        pairs.stream().filter(pair -> concerns(level, pair.request())).toList();
    List<Sighting> sightings = relevant.stream().map(pair -> look(level, pair)).toList();
    long all = sightings.size();
    long verbatim = count(sightings, Verdict.SATISFIED);
    long missing = count(sightings, Verdict.NOT_SATISFIED);
    if (verbatim == all) {
      return new Finding(
          Verdict.SATISFIED, "%s in %d of %d replies".formatted(good(level), all, all));
    }
    if (missing == all) {
      return new Finding(
          Verdict.NOT_SATISFIED, "%s in any of %d replies".formatted(none(level), all));
    }
    Optional<String> damage =
        sightings.stream()
            .filter(sighting -> sighting.verdict() == Verdict.DAMAGED)
            .map(Sighting::what)
            .findFirst();
    return new Finding(
        Verdict.DAMAGED,
        damage.map(what -> "%s; ".formatted(what)).orElse("")
            + "of %d replies %d have it verbatim, %d damaged, %d not at all"
                .formatted(all, verbatim, all - verbatim - missing, missing));
  }

  private static long count(List<Sighting> sightings, Verdict verdict) {
    return sightings.stream().filter(sighting -> sighting.verdict() == verdict).count();
  }

  private static boolean concerns(Level level, ContractRequest request) {
    return switch (level) {
      case OWN_HEADER, BAGGAGE -> true;
      case CORRELATION_ID -> request.correlationId() != null;
      case MESSAGE_ID -> request.correlationId() == null;
    };
  }

  private static String good(Level level) {
    return switch (level) {
      case OWN_HEADER -> "x-test-id verbatim";
      case BAGGAGE -> "test.id in baggage, also beside other members,";
      case CORRELATION_ID -> "the request's correlation id";
      case MESSAGE_ID -> "the request's message id as correlation id";
    };
  }

  private static String none(Level level) {
    return switch (level) {
      case OWN_HEADER -> "no x-test-id";
      case BAGGAGE -> "no baggage";
      case CORRELATION_ID, MESSAGE_ID -> "no correlation id";
    };
  }

  private Sighting look(Level level, ContractMatching.Pair pair) {
    return switch (level) {
      case OWN_HEADER -> ownHeader(pair.request(), pair.reply());
      case BAGGAGE -> baggage(pair.request(), pair.reply());
      case CORRELATION_ID -> correlationId(pair.request(), pair.reply());
      case MESSAGE_ID -> messageId(pair.request(), pair.reply());
    };
  }

  private Sighting ownHeader(ContractRequest request, ContractReply reply) {
    if (!reply.headers().containsKey(Propagation.HEADER)) {
      return Sighting.MISSING;
    }
    return id("x-test-id", request, reply.ownId(), reply.headers().get(Propagation.HEADER));
  }

  private Sighting baggage(ContractRequest request, ContractReply reply) {
    if (!reply.headers().containsKey(Propagation.BAGGAGE)) {
      return Sighting.MISSING;
    }
    String text = reply.text(Propagation.BAGGAGE);
    if (text == null) {
      return Sighting.damaged(
          "baggage came back as "
              + ContractValues.describe(reply.headers().get(Propagation.BAGGAGE)));
    }
    String id = reply.baggageId();
    return id == null
        ? Sighting.damaged("baggage came back without test.id")
        : id("test.id in baggage", request, id, id);
  }

  private Sighting id(
      String what, ContractRequest request, @Nullable String text, @Nullable Object value) {
    String sent = Objects.requireNonNull(request.id());
    if (sent.equals(text)) {
      return Sighting.VERBATIM;
    }
    return Sighting.damaged(
        "%s came back as %s"
            .formatted(what, text == null ? ContractValues.describe(value) : instead(sent, text)));
  }

  private String instead(String sent, String text) {
    for (ContractRequest request : requests) {
      if (text.equals(request.id())) {
        return "that of request #%d".formatted(request.number());
      }
    }
    return text.startsWith("sp1.")
        ? "%s, %d of whose %d characters it has"
            .formatted(ContractValues.quoted(text), text.length(), sent.length())
        : ContractValues.quoted(text);
  }

  private static Sighting correlationId(ContractRequest request, ContractReply reply) {
    String seen = reply.correlationId();
    if (seen == null) {
      return Sighting.MISSING;
    }
    if (seen.equals(request.correlationId())) {
      return Sighting.VERBATIM;
    }
    return Sighting.damaged(
        seen.equals(request.messageId())
            ? "the message id came back in place of the correlation id"
            : "the correlation id came back as " + ContractValues.quoted(seen));
  }

  private static Sighting messageId(ContractRequest request, ContractReply reply) {
    String seen = reply.correlationId();
    if (seen == null) {
      return Sighting.MISSING;
    }
    return seen.equals(request.messageId())
        ? Sighting.VERBATIM
        : Sighting.damaged(
            "the message id came back as correlation id " + ContractValues.quoted(seen));
  }
}
