package io.sandpiper.amqp;

import io.sandpiper.Propagation;
import io.sandpiper.amqp.ContractRequest.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which reply belongs to which request: by its body where the user can tell, by the ids in it, and
 * else by the order.
 */
final class ContractMatching {

  /** A reply and its request. */
  record Pair(ContractRequest request, ContractReply reply) {}

  private final ContractRecord record;
  private final List<Pair> pairs = new ArrayList<>();
  private final List<ContractReply> tooMany = new ArrayList<>();
  private final List<String> mixUps = new ArrayList<>();

  ContractMatching(ContractRecord record) {
    this.record = record;
    record.replies().forEach(this::match);
  }

  List<Pair> pairs() {
    return pairs;
  }

  /** Replies that can belong to none. */
  List<ContractReply> tooMany() {
    return tooMany;
  }

  /** Replies that say of themselves that they belong to several requests, in words. */
  List<String> mixUps() {
    return mixUps;
  }

  boolean answered(ContractRequest request) {
    return replies(request) > 0;
  }

  long replies(ContractRequest request) {
    return pairs.stream().filter(pair -> pair.request() == request).count();
  }

  private void match(ContractReply reply) {
    Map<String, ContractRequest> claims = claims(reply);
    List<ContractRequest> byIds = claims.values().stream().distinct().toList();
    List<ContractRequest> byBody = byBody(reply);
    if (byBody != null && byBody.isEmpty() && unprocessableSent(reply)) {
      // What a worker says to what it cannot handle need not be what its replies are like.
      byIds.forEach(request -> pairs.add(new Pair(request, reply)));
      return;
    }
    findMixUp(claims, byIds, byBody);
    ContractRequest request = choose(reply, byIds, byBody);
    if (request != null) {
      pairs.add(new Pair(request, reply));
    } else if (!unprocessableSent(reply)) {
      tooMany.add(reply);
    }
  }

  private void findMixUp(
      Map<String, ContractRequest> claims,
      List<ContractRequest> byIds,
      @Nullable List<ContractRequest> byBody) {
    if (byIds.size() > 1) {
      mixUps.add("one reply has " + describe(claims));
    } else if (byBody != null && byBody.stream().noneMatch(request -> fits(request, byIds))) {
      mixUps.add(
          "%s has a body that answers %s"
              .formatted(
                  byIds.isEmpty() ? "a reply without ids" : "the reply with " + describe(claims),
                  byBody.isEmpty() ? "none of the requests" : byBody.get(0).describe()));
    }
  }

  /** The requests whose ids are in a reply, by the place where they are. */
  private Map<String, ContractRequest> claims(ContractReply reply) {
    Map<String, ContractRequest> claims = new LinkedHashMap<>();
    claim(claims, Propagation.HEADER, reply.ownId(), ContractRequest::id);
    claim(claims, Propagation.BAGGAGE, reply.baggageId(), ContractRequest::id);
    claim(claims, "message id", reply.correlationId(), ContractRequest::messageId);
    claim(claims, "correlation id", reply.correlationId(), ContractRequest::correlationId);
    return claims;
  }

  private void claim(
      Map<String, ContractRequest> claims,
      String place,
      @Nullable String seen,
      Function<ContractRequest, @Nullable String> sent) {
    if (seen != null) {
      record.requests().stream()
          .filter(request -> seen.equals(sent.apply(request)))
          .findFirst()
          .ifPresent(request -> claims.put(place, request));
    }
  }

  private @Nullable List<ContractRequest> byBody(ContractReply reply) {
    BiPredicate<byte[], byte[]> answers = record.settings().answers();
    if (answers == null) {
      return null;
    }
    return record.requests().stream()
        .filter(request -> request.number() <= reply.sent())
        .filter(request -> answers.test(request.body(), reply.body()))
        .toList();
  }

  /** Whether a request that the body fits is the one that the ids name, where they name one. */
  private static boolean fits(ContractRequest byBody, List<ContractRequest> byIds) {
    return byIds.isEmpty() || byIds.contains(byBody);
  }

  private boolean unprocessableSent(ContractReply reply) {
    return record.requests().stream()
        .anyMatch(
            request -> request.kind() == Kind.UNPROCESSABLE && request.number() <= reply.sent());
  }

  private @Nullable ContractRequest choose(
      ContractReply reply, List<ContractRequest> byIds, @Nullable List<ContractRequest> byBody) {
    if (byBody != null && !byBody.isEmpty()) {
      List<ContractRequest> both = byIds.stream().filter(byBody::contains).toList();
      return openFirst(both.isEmpty() ? byBody : both);
    }
    return byIds.isEmpty() ? byOrder(reply) : openFirst(byIds);
  }

  private ContractRequest openFirst(List<ContractRequest> requests) {
    return requests.stream()
        .filter(request -> !answered(request))
        .findFirst()
        .orElse(requests.get(0));
  }

  /** The one that was sent last, which is the only one that is open while they go one by one. */
  private @Nullable ContractRequest byOrder(ContractReply reply) {
    List<ContractRequest> open =
        record.requests().stream()
            .filter(request -> request.number() <= reply.sent())
            .filter(request -> request.kind() != Kind.UNPROCESSABLE && !answered(request))
            .toList();
    return open.stream()
        .filter(request -> request.number() == reply.sent())
        .findFirst()
        .orElse(open.isEmpty() ? null : open.get(0));
  }

  private static String describe(Map<String, ContractRequest> claims) {
    List<String> words = new ArrayList<>();
    claims.forEach(
        (place, request) -> words.add("the %s of #%d".formatted(place, request.number())));
    return String.join(" and ", words);
  }
}
