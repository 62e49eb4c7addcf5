package io.sandpiper.http;

import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import io.sandpiper.Refusal;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a refused request is answered with: problem details as of RFC 9457.
 *
 * @param type {@code about:blank}: the status says what kind of problem it is
 * @param title the phrase that belongs to the status
 * @param status the status
 * @param detail names the id, its state and the remedy
 * @param reason the kind of refusal, in lower case
 */
@JsonPropertyOrder({"type", "title", "status", "detail", "reason"})
record Problem(String type, String title, int status, String detail, String reason) {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  static Problem of(Refusal refusal) {
    return switch (refusal.reason()) {
      case MALFORMED, FORGED -> of(refusal, 400, "Bad Request");
      case AMBIGUOUS -> of(refusal, 409, "Conflict");
      case LATE -> of(refusal, 410, "Gone");
      case STRAY -> of(refusal, 421, "Misdirected Request");
    };
  }

  private static Problem of(Refusal refusal, int status, String title) {
    String reason = refusal.reason().name().toLowerCase(Locale.ROOT);
    return new Problem("about:blank", title, status, refusal.message(), reason);
  }

  /** Not by {@code sendError}, which would dispatch to an error page of the application. */
  void write(HttpServletResponse response) throws IOException {
    byte[] json = JSON.writeValueAsBytes(this);
    response.setStatus(status);
    response.setContentType("application/problem+json");
    response.setContentLength(json.length);
    response.getOutputStream().write(json);
  }
}
