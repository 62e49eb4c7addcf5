package io.sandpiper.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What passes between pgjdbc and the server, seen from the client's end: counts round trips and
 * bytes, and can answer what it has seen before from memory, which takes server and network out of
 * a measurement.
 *
 * <p>A round trip is a reading after a writing.
 */
final class Tap {

  /** pgjdbc makes its socket factory by name, with a text, so this is how the two meet. */
  private static final Map<String, Tap> TAPS = new ConcurrentHashMap<>();

  private enum Mode {
    COUNT,
    RECORD,
    REPLAY
  }

  private final String name = UUID.randomUUID().toString();
  private final Map<ByteBuffer, byte[]> known = new HashMap<>();
  private final ByteArrayOutputStream request = new ByteArrayOutputStream();
  private final ByteArrayOutputStream response = new ByteArrayOutputStream();
  private byte[] replayed = new byte[0];
  private int replayedAt;
  private @Nullable ByteBuffer answering;
  private Mode mode = Mode.COUNT;
  private boolean written;
  private long roundTrips;
  private long bytes;

  static Tap named(String name) {
    Tap tap = TAPS.get(name);
    if (tap == null) {
      throw new IllegalArgumentException("No tap is called " + name);
    }
    return tap;
  }

  /** A URL whose connections go through this tap. */
  String on(String url) {
    TAPS.put(name, this);
    return "%s%ssocketFactory=%s&socketFactoryArg=%s"
        .formatted(url, url.contains("?") ? "&" : "?", TappedSockets.class.getName(), name);
  }

  synchronized long roundTrips() {
    return roundTrips;
  }

  /** How many bytes the client has sent. */
  synchronized long bytes() {
    return bytes;
  }

  /** Remembers the answers of the server from now on. */
  synchronized void record() {
    mode = Mode.RECORD;
    request.reset();
  }

  /** Gives the remembered answers from now on; what it does not know is an error. */
  synchronized void replay() {
    remember();
    mode = Mode.REPLAY;
    request.reset();
  }

  /** Lets everything pass again. */
  synchronized void pass() {
    mode = Mode.COUNT;
  }

  /** Returns whether the server is to get it. */
  synchronized boolean sent(byte[] data, int offset, int length) {
    bytes += length;
    written = true;
    if (mode == Mode.RECORD) {
      remember();
    }
    if (mode != Mode.COUNT) {
      request.write(data, offset, length);
    }
    return mode != Mode.REPLAY;
  }

  /** Called before a reading; returns whether the answer comes from memory. */
  synchronized boolean answers() throws IOException {
    if (written) {
      written = false;
      roundTrips++;
      if (mode == Mode.RECORD) {
        answering = ByteBuffer.wrap(request.toByteArray());
        request.reset();
      } else if (mode == Mode.REPLAY) {
        byte[] answer = known.get(ByteBuffer.wrap(request.toByteArray()));
        if (answer == null) {
          throw new IOException("Never seen before: " + request);
        }
        request.reset();
        replayed = answer;
        replayedAt = 0;
      }
    }
    return mode == Mode.REPLAY;
  }

  synchronized int replay(byte[] into, int offset, int length) throws IOException {
    int count = Math.min(length, replayed.length - replayedAt);
    if (count == 0) {
      throw new IOException("More is read than was answered");
    }
    System.arraycopy(replayed, replayedAt, into, offset, count);
    replayedAt += count;
    return count;
  }

  synchronized void received(byte[] data, int offset, int length) {
    if (mode == Mode.RECORD && length > 0) {
      response.write(data, offset, length);
    }
  }

  private void remember() {
    if (answering != null) {
      known.put(answering, response.toByteArray());
      response.reset();
      answering = null;
    }
  }
}
