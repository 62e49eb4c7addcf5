package io.sandpiper.jdbc;

import io.sandpiper.jdbc.WireTap.Conversation;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads what one client sends, in PostgreSQL's protocol, as it is written: from the start-up to the
 * texts of the statements that are executed.
 */
final class FrontendMessages {

  /** Stands for a call of a function without SQL, as of large objects. */
  static final String FASTPATH = "fastpath";

  private static final int PROTOCOL_3 = 3;
  private static final int LENGTH = 4;

  private final WireTap tap;
  private final Map<String, String> statements = new HashMap<>();
  private ByteBuffer pending = ByteBuffer.allocate(1 << 14).limit(0);
  private @Nullable Conversation conversation;

  FrontendMessages(WireTap tap) {
    this.tap = tap;
  }

  synchronized void written(byte[] data, int offset, int length) {
    append(data, offset, length);
    while (next()) {
      continue;
    }
  }

  private void append(byte[] data, int offset, int length) {
    ByteBuffer larger = ByteBuffer.allocate(pending.remaining() + length);
    pending = larger.put(pending).put(data, offset, length).flip();
  }

  /** Reads one message, if it is there as a whole. */
  private boolean next() {
    int type = conversation == null ? 0 : 1;
    if (pending.remaining() < type + LENGTH) {
      return false;
    }
    int length = pending.getInt(pending.position() + type);
    if (pending.remaining() < type + length) {
      return false;
    }
    ByteBuffer message = pending.slice(pending.position(), type + length);
    pending.position(pending.position() + type + length);
    if (type == 0) {
      start(message.position(LENGTH));
    } else {
      read((char) message.get(), message.position(type + LENGTH));
    }
    return true;
  }

  /** Requests for encryption and cancels begin like it, with another number. */
  private void start(ByteBuffer message) {
    if (message.getInt() >>> 16 != PROTOCOL_3) {
      return;
    }
    Map<String, String> parameters = new HashMap<>();
    for (String key = text(message); !key.isEmpty(); key = text(message)) {
      parameters.put(key, text(message));
    }
    conversation = tap.begin(parameters.getOrDefault("database", ""));
  }

  private void read(char type, ByteBuffer message) {
    switch (type) {
      case 'P' -> statements.put(text(message), text(message));
      case 'B' -> {
        text(message);
        String statement = text(message);
        tap.sent(conversation, statements.getOrDefault(statement, "unknown " + statement));
      }
      case 'Q' -> tap.sent(conversation, text(message));
      case 'F' -> tap.sent(conversation, FASTPATH);
      default -> {}
    }
  }

  private static String text(ByteBuffer from) {
    int start = from.position();
    while (from.get() != 0) {
      continue;
    }
    int length = from.position() - start - 1;
    byte[] bytes = new byte[length];
    from.get(start, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
