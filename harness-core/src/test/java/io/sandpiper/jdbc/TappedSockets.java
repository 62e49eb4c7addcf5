package io.sandpiper.jdbc;

import io.sandpiper.server.TestDatabase;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.SocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * Sockets whose round trips are counted and whose SQL can be spoilt; public because pgjdbc makes
 * the factory by its name.
 */
public final class TappedSockets extends SocketFactory {

  /** What passes through the sockets of one database's URL. */
  static final class Tap {

    private final String name = UUID.randomUUID().toString();
    // By thread, because the pool connects on threads of its own whenever it likes.
    private final ThreadLocal<Count> counts = ThreadLocal.withInitial(Count::new);
    private @Nullable String spoilt;

    /** The same database for connections that go through this tap. */
    TestDatabase on(TestDatabase database) {
      TAPS.put(name, this);
      return new TestDatabase(
          "%s%ssocketFactory=%s&socketFactoryArg=%s"
              .formatted(
                  database.url(),
                  database.url().contains("?") ? "&" : "?",
                  TappedSockets.class.getName(),
                  name),
          database.user(),
          database.password());
    }

    /** Readings after a writing by this thread so far. */
    int roundTrips() {
      return counts.get().roundTrips;
    }

    /** Makes the next statement that begins like this one that the server does not understand. */
    synchronized void spoil(String statement) {
      spoilt = statement;
    }

    private synchronized byte[] sent(byte[] data, int offset, int length) {
      counts.get().written = true;
      String text = new String(data, offset, length, StandardCharsets.ISO_8859_1);
      String statement = spoilt;
      if (statement != null && text.contains(statement)) {
        spoilt = null;
        text = text.replaceFirst(statement, "?" + statement.substring(1));
      }
      return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private void reads() {
      Count count = counts.get();
      count.roundTrips += count.written ? 1 : 0;
      count.written = false;
    }

    private static final class Count {
      private boolean written;
      private int roundTrips;
    }
  }

  /** pgjdbc makes its socket factory by name, with a text, so this is how the two meet. */
  private static final Map<String, Tap> TAPS = new ConcurrentHashMap<>();

  private final Tap tap;

  /** Called by pgjdbc with the value of {@code socketFactoryArg}. */
  public TappedSockets(String name) {
    tap = Objects.requireNonNull(TAPS.get(name), name);
  }

  @Override
  public Socket createSocket() {
    return new Socket() {
      @Override
      public OutputStream getOutputStream() throws IOException {
        return new FilterOutputStream(super.getOutputStream()) {
          @Override
          public void write(byte[] data, int offset, int length) throws IOException {
            out.write(tap.sent(data, offset, length));
          }
        };
      }

      @Override
      public InputStream getInputStream() throws IOException {
        return new FilterInputStream(super.getInputStream()) {
          @Override
          public int read(byte[] into, int offset, int length) throws IOException {
            tap.reads();
            return super.read(into, offset, length);
          }
        };
      }
    };
  }

  @Override
  public Socket createSocket(String host, int port) {
    throw new UnsupportedOperationException("pgjdbc connects its sockets itself");
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress local, int localPort) {
    return createSocket(host, port);
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    return createSocket(host.getHostName(), port);
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
    return createSocket(host, port);
  }
}
