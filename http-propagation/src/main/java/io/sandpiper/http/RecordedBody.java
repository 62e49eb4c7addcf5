package io.sandpiper.http;

import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The body of a request that was read before the application reads it, and is replayed to it.
 *
 * <p>Only JSON whose length is declared and small is read: the container parses forms and multipart
 * bodies itself and must find them unread, and a stream may have no end. The application notices
 * nothing but that {@code Expect: 100-continue} has been answered.
 */
final class RecordedBody {

  static final byte[] NOT_RECORDED = {};
  static final int LIMIT = 1 << 20;
  static final String TOO_LONG =
      "The request's JSON body is not recorded: it has more than %d bytes or does not say how many."
          .formatted(LIMIT);

  private static final String ATTRIBUTE = RecordedBody.class.getName();

  private final ReplayedStream stream;
  private @Nullable BufferedReader reader;
  private boolean streamed;

  private RecordedBody(byte[] content, ServletInputStream original) {
    this.stream = new ReplayedStream(content, original);
  }

  /** Reads the body where it is small JSON; otherwise leaves it unread and gives no bytes. */
  static byte[] read(HttpServletRequest request) throws IOException {
    long length = request.getContentLengthLong();
    if (!isJson(request) || length <= 0 || length > LIMIT) {
      return NOT_RECORDED;
    }
    ServletInputStream original = request.getInputStream();
    byte[] content = original.readNBytes((int) length);
    request.setAttribute(ATTRIBUTE, new RecordedBody(content, original));
    return content;
  }

  /** The request with its body unread again, in this dispatch or a later one. */
  static HttpServletRequest replay(HttpServletRequest request) {
    return request.getAttribute(ATTRIBUTE) instanceof RecordedBody body
        ? body.new Replay(request)
        : request;
  }

  /** Whether the body is JSON that {@link #read} leaves unread. */
  static boolean isTooLong(HttpServletRequest request) {
    boolean chunked = request.getHeader("transfer-encoding") != null;
    return isJson(request) && (chunked || request.getContentLengthLong() > LIMIT);
  }

  private static boolean isJson(HttpServletRequest request) {
    String type = Objects.requireNonNullElse(request.getContentType(), "");
    String essence = type.split(";", 2)[0].trim().toLowerCase(Locale.ROOT);
    return essence.equals("application/json") || essence.endsWith("+json");
  }

  private ServletInputStream stream() {
    if (reader != null) {
      throw new IllegalStateException(
          "getReader() has been called for this request. Read the body through that reader.");
    }
    streamed = true;
    return stream;
  }

  // The container reports a charset that it does not know by this constructor's exception.
  @SuppressWarnings("JdkObsolete")
  private BufferedReader reader(@Nullable String encoding) throws IOException {
    if (streamed) {
      throw new IllegalStateException(
          "getInputStream() has been called for this request. Read the body through that stream.");
    }
    if (reader == null) {
      // The Servlet specification's default, whatever the content type.
      String charset = encoding == null ? StandardCharsets.ISO_8859_1.name() : encoding;
      reader = new BufferedReader(new InputStreamReader(stream, charset));
    }
    return reader;
  }

  private final class Replay extends HttpServletRequestWrapper {

    Replay(HttpServletRequest request) {
      super(request);
    }

    @Override
    public ServletInputStream getInputStream() {
      return stream();
    }

    @Override
    public BufferedReader getReader() throws IOException {
      return reader(getCharacterEncoding());
    }
  }
}
