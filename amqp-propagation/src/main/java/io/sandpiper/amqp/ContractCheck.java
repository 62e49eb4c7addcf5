package io.sandpiper.amqp;

import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.amqp.ContractRequest.Kind;
import io.sandpiper.amqp.ContractRequests.Stamp;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One conversation with a worker: what may break it comes last, so that the levels are known by
 * then.
 */
final class ContractCheck {

  private static final int INTERLEAVED = 16;
  private static final Duration POLL = Duration.ofMillis(20);
  private static final Duration LONGEST_STOP = Duration.ofSeconds(10);
  private static final int LONGEST_BODY = 200;

  private final ContractSettings settings;
  private final ContractBroker broker;
  private final ContractRequests requests;
  private final ContractReplies replies = new ContractReplies();

  private ContractCheck(
      ContractSettings settings, ContractBroker broker, ContractRequests requests) {
    this.settings = settings;
    this.broker = broker;
    this.requests = requests;
  }

  /** Asks the worker on this virtual host, and gives what came of it. */
  static ContractRecord run(ContractSettings settings, VirtualHost virtualHost) {
    try (ContractBroker broker = ContractBroker.connect(settings, virtualHost);
        ContractRequests requests = new ContractRequests(settings)) {
      return new ContractCheck(settings, broker, requests).run();
    } catch (IOException | ShutdownSignalException e) {
      throw new IllegalStateException(
          "The queues of \"%s\" at %s cannot be used: %s. Check the broker, and what topology(…) declares."
              .formatted(settings.worker().description(), virtualHost, reason(e)),
          e);
    }
  }

  private ContractRecord run() throws IOException {
    broker.prepare(replies);
    String trouble;
    try (ContractWorker worker = start()) {
      awaitConsumer(worker);
      askForLevels(worker);
      trouble = askForTrouble(worker);
    }
    Long left = awaitLeftover();
    return new ContractRecord(settings, requests.made(), replies.soFar(), trouble, left);
  }

  private ContractWorker start() {
    try {
      return settings.worker().start(broker.virtualHost(), replies::wake);
    } catch (IOException e) {
      throw new IllegalStateException(
          "The worker cannot be started: %s. Check its command line, \"%s\", and its directory."
              .formatted(e.getMessage(), settings.worker().description()),
          e);
    }
  }

  private void awaitConsumer(ContractWorker worker) throws IOException {
    if (await(worker, () -> broker.consumers() > 0)) {
      return;
    }
    throw failure(
        worker,
        worker.ending() == null
            ? "does not consume from queue \"%s\": %s after it was started, the queue has no consumer"
                .formatted(settings.requests(), settings.timeoutInWords())
            : "ended with %s before it consumed from queue \"%s\""
                .formatted(worker.ending(), settings.requests()),
        settings.worker().remedy()
            + "; check the name of the queue, and give a slow one more time by timeout(…).");
  }

  /** One by one, so that each reply belongs to the one request that is open; then all at once. */
  private void askForLevels(ContractWorker worker) throws IOException {
    if (!ask(worker, requests.stamped(Kind.STAMPED, Stamp.WITH_CORRELATION_ID))) {
      throw noAnswer(worker);
    }
    for (Stamp stamp : Stamp.values()) {
      ask(worker, requests.stamped(Kind.STAMPED, stamp));
    }
    ask(worker, requests.withoutId());
    askAtOnce(worker);
    if (worker.ending() != null) {
      throw failure(
          worker,
          "ended with %s while it was asked, after %d replies to %d requests"
              .formatted(worker.ending(), replies.count(), requests.made().size()),
          "See its output for why.");
    }
  }

  private void askAtOnce(ContractWorker worker) throws IOException {
    int before = replies.count();
    List<ContractRequest> many = new ArrayList<>();
    for (int i = 0; i < INTERLEAVED; i++) {
      Stamp stamp = Stamp.values()[i % Stamp.values().length];
      many.add(requests.stamped(Kind.STAMPED, stamp));
    }
    for (ContractRequest request : many) {
      broker.send(request);
    }
    int came = before;
    // Each reply gives the next one the whole time again: the worker may take them one by one.
    while (came < before + INTERLEAVED) {
      int known = came;
      if (!await(worker, () -> replies.count() > known)) {
        return;
      }
      came = replies.count();
    }
  }

  /** What broke the worker, or an empty text. */
  private String askForTrouble(ContractWorker worker) throws IOException {
    askAndIdentify(worker, requests.withTypedHeaders());
    ContractSettings.Unprocessable unprocessable = settings.unprocessable();
    if (unprocessable != null && worker.ending() == null) {
      ContractRequest bad =
          requests.unprocessable(unprocessable.body(), unprocessable.contentType());
      broker.send(bad);
      askAndIdentify(worker, requests.stamped(Kind.AFTER_UNPROCESSABLE, Stamp.WITH_CORRELATION_ID));
    }
    if (worker.ending() == null) {
      return "";
    }
    return "the worker ended with %s. Its output:%n%s".formatted(worker.ending(), worker.output());
  }

  /** Waits for its own reply: earlier ones may still come, from a worker that answers twice. */
  private void askAndIdentify(ContractWorker worker, ContractRequest request) throws IOException {
    broker.send(request);
    await(worker, () -> new ContractMatching(record()).answered(request));
  }

  private ContractRecord record() {
    return new ContractRecord(settings, requests.made(), replies.soFar(), "", null);
  }

  /** Whether one more reply came. */
  private boolean ask(ContractWorker worker, ContractRequest request) throws IOException {
    int before = replies.count();
    broker.send(request);
    return await(worker, () -> replies.count() > before);
  }

  /**
   * How many requests are in the queue again once the worker is gone, or null where somebody still
   * consumes it. All replies are there then.
   */
  private @Nullable Long awaitLeftover() throws IOException {
    boolean gone = await(null, LONGEST_STOP, () -> broker.consumers() == 0);
    broker.sendLast();
    if (!await(null, LONGEST_STOP, broker::lastCame)) {
      throw new IllegalStateException(
          "%s at %s: what was sent there last did not come. Does something else consume it?"
              .formatted(broker.state(settings.replies()), broker.virtualHost()));
    }
    return gone ? broker.takeLeftover() : null;
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private boolean await(ContractWorker worker, Condition condition) throws IOException {
    return await(worker, settings.timeout(), condition);
  }

  /** Whether it came to hold in time, and before the worker ended. */
  private boolean await(@Nullable ContractWorker worker, Duration timeout, Condition condition)
      throws IOException {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (true) {
      long seen = replies.changes();
      boolean last = worker != null && worker.ending() != null || System.nanoTime() - deadline >= 0;
      if (condition.holds()) {
        return true;
      }
      if (last) {
        return false;
      }
      replies.await(seen, Math.min(POLL.toNanos(), deadline - System.nanoTime()));
    }
  }

  private IllegalStateException noAnswer(ContractWorker worker) throws IOException {
    if (worker.ending() != null) {
      return failure(
          worker,
          "ended with %s when it got its first request".formatted(worker.ending()),
          "Check that it can handle " + request());
    }
    return failure(
        worker,
        "does not answer: no reply came to queue \"%s\" within %s. Of its queues, %s"
            .formatted(
                settings.replies(), settings.timeoutInWords(), broker.state(settings.requests())),
        "Check that it publishes to that queue (or name the queue by replyTo(…) where it answers to"
            + " the address in the request), that it can handle "
            + request()
            + ", or give it more time by timeout(…).");
  }

  private String request() {
    String body = new String(settings.body().apply(1), StandardCharsets.UTF_8);
    return "the request %s of type %s"
        .formatted(
            body.length() > LONGEST_BODY ? body.substring(0, LONGEST_BODY) + "…" : body,
            settings.contentType());
  }

  private IllegalStateException failure(ContractWorker worker, String what, String remedy) {
    String output = worker.output();
    return new IllegalStateException(
        "The worker %s. %s%nWorker: %s, on %s%n%s"
            .formatted(
                what,
                remedy,
                settings.worker().description(),
                broker.virtualHost(),
                output.isEmpty()
                    ? "It has printed nothing."
                    : "Its output:%n".formatted() + output));
  }

  /** The client wraps what the broker said, and says nothing itself. */
  private static String reason(Throwable failure) {
    return failure.getMessage() == null && failure.getCause() != null
        ? reason(failure.getCause())
        : String.valueOf(failure.getMessage());
  }
}
