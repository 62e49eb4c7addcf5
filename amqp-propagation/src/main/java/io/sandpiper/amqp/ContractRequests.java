package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import io.sandpiper.Isolation;
import io.sandpiper.Propagation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Makes the requests of one contract test, each with a test id of its own.
 *
 * <p>The ids are of a run of their own, so that no application in this JVM takes one for a test's.
 */
final class ContractRequests implements AutoCloseable {

  /** Header values of the types that AMQP has beside text. */
  static final Map<String, Object> TYPED_HEADERS = typedHeaders();

  private final ContractSettings settings;
  private final Run run = Run.create();
  private final List<Sandbox> sandboxes = new ArrayList<>();
  private final List<ContractRequest> made = new ArrayList<>();

  ContractRequests(ContractSettings settings) {
    this.settings = settings;
  }

  /** What baggage a request has, and whether the application gave it a correlation id. */
  enum Stamp {
    WITH_CORRELATION_ID {
      @Override
      String baggage(String stamped) {
        return stamped;
      }
    },
    WITHOUT_CORRELATION_ID {
      @Override
      String baggage(String stamped) {
        return stamped;
      }
    },
    AFTER_OTHER_MEMBERS {
      @Override
      String baggage(String stamped) {
        return "tenant=a%20b;tier=gold," + stamped;
      }
    },
    AMONG_OTHER_MEMBERS {
      @Override
      String baggage(String stamped) {
        return "tenant=a%20b ; tier=gold , " + stamped + " ; ttl=60 , user=alice";
      }
    };

    /** The baggage of a request, from that which the harness writes into an empty one. */
    abstract String baggage(String stamped);

    private boolean correlated() {
      return this == WITH_CORRELATION_ID || this == AFTER_OTHER_MEMBERS;
    }
  }

  ContractRequest stamped(ContractRequest.Kind kind, Stamp stamp) {
    return stamped(kind, stamp, Map.of(), body(), settings.contentType());
  }

  /** Stamped, with a header of each type. */
  ContractRequest withTypedHeaders() {
    return stamped(
        ContractRequest.Kind.TYPED_HEADERS,
        Stamp.WITH_CORRELATION_ID,
        TYPED_HEADERS,
        body(),
        settings.contentType());
  }

  /** Stamped as well: it may come from a test. */
  ContractRequest unprocessable(byte[] body, String contentType) {
    return stamped(
        ContractRequest.Kind.UNPROCESSABLE, Stamp.WITH_CORRELATION_ID, Map.of(), body, contentType);
  }

  ContractRequest withoutId() {
    return add(
        ContractRequest.Kind.WITHOUT_ID,
        null,
        properties(settings.headers(), settings.contentType()).build(),
        body());
  }

  /** What has been made so far, in that order. */
  List<ContractRequest> made() {
    return List.copyOf(made);
  }

  @Override
  public void close() {
    sandboxes.forEach(sandbox -> run.end(sandbox, null));
  }

  private ContractRequest stamped(
      ContractRequest.Kind kind,
      Stamp stamp,
      Map<String, Object> more,
      byte[] body,
      String contentType) {
    Sandbox sandbox =
        run.open(
            Sandbox.Settings.of("worker contract", Isolation.NONE, this)
                .withBackgroundErrors(BackgroundErrors.REPORT));
    sandboxes.add(sandbox);
    Map<String, Object> headers = new HashMap<>(settings.headers());
    headers.putAll(more);
    Propagation.inject(sandbox, null, headers::put);
    headers.compute(Propagation.BAGGAGE, (name, value) -> stamp.baggage(String.valueOf(value)));
    AMQP.BasicProperties.Builder properties =
        properties(headers, contentType).messageId(UUID.randomUUID().toString());
    if (stamp.correlated()) {
      properties.correlationId("correlation-" + UUID.randomUUID());
    }
    return add(kind, sandbox.id().value(), properties.build(), body);
  }

  private AMQP.BasicProperties.Builder properties(Map<String, Object> headers, String contentType) {
    return new AMQP.BasicProperties.Builder()
        .contentType(contentType)
        .headers(headers.isEmpty() ? null : headers)
        .replyTo(settings.replyTo() ? settings.replies() : null);
  }

  private byte[] body() {
    return settings.body().apply(made.size() + 1);
  }

  private ContractRequest add(
      ContractRequest.Kind kind,
      @Nullable String id,
      AMQP.BasicProperties properties,
      byte[] body) {
    ContractRequest request = new ContractRequest(made.size() + 1, kind, id, properties, body);
    made.add(request);
    return request;
  }

  private static Map<String, Object> typedHeaders() {
    Map<String, Object> headers = new LinkedHashMap<>();
    headers.put("contract-table", Map.of("text", "a", "list", List.of("b", 7L, true)));
    headers.put("contract-long", 5_000_000_000L);
    headers.put("contract-negative", -7);
    headers.put("contract-double", 2.5);
    headers.put("contract-boolean", true);
    headers.put("contract-timestamp", new Date(1_700_000_000_000L));
    return headers;
  }
}
