package io.sandpiper;

import io.sandpiper.Hop.Content;
import io.sandpiper.Hop.Direction;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.context.Scope;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One sandbox, and messages that go out of it and come in, without a broker. */
final class Traffic {

  final Run run = Run.create();
  final Sandbox sandbox;

  Traffic(String testName) {
    this(testName, BackgroundErrors.FAIL);
  }

  Traffic(String testName, BackgroundErrors backgroundErrors) {
    sandbox =
        run.open(
            Sandbox.Settings.of(testName, Isolation.NONE, this)
                .withBackgroundErrors(backgroundErrors));
  }

  Scope bind() {
    return sandbox.test().bind();
  }

  Hop send(String routingKey, @Nullable String correlationId, String body) {
    return sandbox.sent(
        new Content(
            Direction.SENT,
            routingKey,
            new Hop.Route("", routingKey),
            Map.of(),
            bytes(body),
            new Hop.Ids(correlationId, null, null)));
  }

  /** What a listener container does before it calls the listener. */
  Work arrive(String queue, String body) {
    return accepted(
        run.arrive(
            new Content(
                Direction.RECEIVED,
                queue,
                null,
                Map.of(Propagation.HEADER, sandbox.id().value()),
                bytes(body),
                Hop.Ids.NONE),
            "listener " + queue));
  }

  Work reply(String queue, String correlationId, String body) {
    return accepted(
        run.arrive(
            new Content(
                Direction.RECEIVED,
                queue,
                null,
                Map.of(),
                bytes(body),
                new Hop.Ids(correlationId, null, null)),
            "listener " + queue));
  }

  /** A message whose listener does nothing. */
  void deliver(String queue, String body) {
    arrive(queue, body).finish(null);
  }

  private static Work accepted(Arrival arrival) {
    if (arrival instanceof Arrival.Accepted accepted) {
      return accepted.work();
    }
    throw new AssertionError("Not accepted: " + arrival);
  }

  private static byte[] bytes(String body) {
    return body.getBytes(StandardCharsets.UTF_8);
  }
}
