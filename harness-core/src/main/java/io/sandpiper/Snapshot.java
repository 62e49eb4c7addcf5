package io.sandpiper;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A value as it is at one moment, as JSON.
 *
 * <p>To write it down must change nothing: no getter and no {@code toString()} of the application
 * is called, but that of an exception. Objects are read field by field, and what may be lazy, live
 * or consumed by reading is there by its name only. Bounded in depth, elements and characters.
 */
final class Snapshot {

  static final int ELEMENTS = 100;
  static final int CHARACTERS = 16 * 1024;
  private static final int DEPTH = 10;
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** What is being written: an object inside of itself is written once. */
  private final Set<Object> around = Collections.newSetFromMap(new IdentityHashMap<>());

  private int room = CHARACTERS;

  private Snapshot() {}

  static JsonNode of(@Nullable Object value) {
    return new Snapshot().node(value);
  }

  /** The value in a sentence: as JSON, but texts without quotes. */
  static String text(@Nullable Object value) {
    if (value instanceof Optional<?> optional) {
      return optional.map(each -> "Optional[%s]".formatted(text(each))).orElse("Optional.empty");
    }
    JsonNode node = of(value);
    return node.isString() ? node.asString() : node.toString();
  }

  private JsonNode node(@Nullable Object value) {
    if (value == null) {
      return NODES.nullNode();
    }
    if (room <= 0 || around.size() == DEPTH || !around.add(value)) {
      return NODES.stringNode("…");
    }
    room -= 2;
    try {
      return written(value);
    } catch (RuntimeException | StackOverflowError | LinkageError unreadable) {
      return string(ValueTypes.name(value.getClass()));
    } finally {
      around.remove(value);
    }
  }

  private JsonNode written(Object value) {
    JsonNode number = Scalars.number(value);
    if (number != null) {
      room -= 8;
      return number;
    }
    String text = Scalars.text(value);
    if (text != null) {
      return string(text);
    }
    if (value instanceof Optional<?> optional) {
      return node(optional.orElse(null));
    }
    if (value instanceof AtomicReference<?> reference && ValueTypes.isOfJdk(value.getClass())) {
      return node(reference.get());
    }
    if (value instanceof JsonNode json) {
      return json(json);
    }
    if (value instanceof Future<?> future) {
      return string(future(future));
    }
    return value.getClass().isArray() ? array(value) : composite(value);
  }

  private JsonNode string(String text) {
    int fits = Math.min(text.length(), Math.max(room, 0));
    room -= text.length();
    String written =
        fits == text.length()
            ? text
            : "%s… (%d characters)".formatted(text.substring(0, fits), text.length());
    return NODES.stringNode(written);
  }

  private JsonNode json(JsonNode json) {
    if (json.isObject()) {
      return entries(json.properties());
    }
    if (json.isArray()) {
      return elements(json.iterator(), json.size());
    }
    return json.isPojo() ? string("POJONode") : bounded(json);
  }

  private JsonNode bounded(JsonNode scalar) {
    return scalar.isString() ? string(scalar.asString()) : scalar;
  }

  private JsonNode array(Object array) {
    int length = Array.getLength(array);
    if (array instanceof byte[] bytes) {
      return binary(bytes);
    }
    Iterator<@Nullable Object> elements =
        new Iterator<>() {
          private int next;

          @Override
          public boolean hasNext() {
            return next < length;
          }

          @Override
          public @Nullable Object next() {
            return Array.get(array, next++);
          }
        };
    return elements(elements, length);
  }

  private JsonNode binary(byte[] bytes) {
    int size = Math.min(bytes.length, Math.max(room, 0) / 4 * 3);
    String written = Base64.getEncoder().encodeToString(Arrays.copyOf(bytes, size));
    room -= written.length();
    return NODES.stringNode(
        size == bytes.length ? written : "%s… (%d bytes)".formatted(written, bytes.length));
  }

  private JsonNode composite(Object value) {
    if (ValueTypes.isPlainCollection(value.getClass())) {
      if (value instanceof Collection<?> collection) {
        return elements(collection.iterator(), collection.size());
      }
      if (value instanceof Map<?, ?> map) {
        return entries(map.entrySet());
      }
      if (value instanceof Map.Entry<?, ?> entry) {
        return entries(List.of(entry));
      }
    }
    List<Field> fields = ValueTypes.fields(value.getClass());
    return fields.isEmpty() ? string(ValueTypes.name(value.getClass())) : fields(value, fields);
  }

  private ArrayNode elements(Iterator<? extends @Nullable Object> elements, int size) {
    ArrayNode array = NODES.arrayNode();
    while (elements.hasNext() && array.size() < ELEMENTS && room > 0) {
      array.add(node(elements.next()));
    }
    if (elements.hasNext()) {
      array.add("… %d more".formatted(size - array.size()));
    }
    return array;
  }

  private ObjectNode entries(Iterable<? extends Map.Entry<?, ?>> entries) {
    ObjectNode object = NODES.objectNode();
    for (Map.Entry<?, ?> entry : entries) {
      if (object.size() == ELEMENTS || room <= 0) {
        object.put("…", "more");
        break;
      }
      put(object, key(entry.getKey()), entry.getValue());
    }
    return object;
  }

  private static String key(@Nullable Object key) {
    if (key == null) {
      return "null";
    }
    String text = Scalars.text(key);
    JsonNode number = Scalars.number(key);
    return number != null
        ? number.toString()
        : text != null ? text : ValueTypes.name(key.getClass());
  }

  private ObjectNode fields(Object value, List<Field> fields) {
    ObjectNode object = NODES.objectNode();
    for (Field field : fields) {
      try {
        put(object, field.getName(), field.get(value));
      } catch (IllegalAccessException closed) {
        throw new IllegalStateException(closed);
      }
    }
    return object;
  }

  private void put(ObjectNode object, String name, @Nullable Object value) {
    room -= name.length() + 4;
    object.set(name, node(value));
  }

  /** Neither waits for its result nor looks at its failure, which nobody else might do then. */
  private static String future(Future<?> future) {
    Class<?> type = future.getClass();
    boolean known = ValueTypes.isOfJdk(type) || type.getPackageName().startsWith("io.sandpiper");
    if (!known) {
      return ValueTypes.name(type);
    }
    return "%s[%s]".formatted(ValueTypes.name(type), state(future));
  }

  private static String state(Future<?> future) {
    if (!future.isDone()) {
      return "not completed";
    }
    if (!(future instanceof CompletableFuture<?> completed)) {
      return "completed";
    }
    return completed.isCompletedExceptionally() ? "failed" : text(completed.getNow(null));
  }
}
