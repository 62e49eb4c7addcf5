package io.sandpiper.agent;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/**
 * What is known of objects that are not ours, by their identity, for as long as they exist.
 *
 * <p>A value must not refer to its object. Safe for use by several threads.
 */
final class IdentityMap<V> {

  private final ConcurrentMap<Object, V> values = new ConcurrentHashMap<>();
  private final ReferenceQueue<Object> collected = new ReferenceQueue<>();

  @Nullable V get(Object object) {
    return values.get(new Probe(object));
  }

  /** Puts a value and returns the one that was there. */
  @Nullable V put(Object object, V value) {
    expunge();
    return values.put(new Key(object, collected), value);
  }

  /** Puts a value where there is none; returns the one that is there. */
  @Nullable V putIfAbsent(Object object, V value) {
    expunge();
    return values.putIfAbsent(new Key(object, collected), value);
  }

  @Nullable V remove(Object object) {
    return values.remove(new Probe(object));
  }

  /** Removes the value if it is this one. */
  boolean remove(Object object, V value) {
    return values.remove(new Probe(object), value);
  }

  /** Puts the second value in the place of the first. */
  boolean replace(Object object, V expected, V value) {
    return values.replace(new Key(object, collected), expected, value);
  }

  int size() {
    expunge();
    return values.size();
  }

  private void expunge() {
    for (Reference<?> gone = collected.poll(); gone != null; gone = collected.poll()) {
      values.remove(gone);
    }
  }

  private static final class Key extends WeakReference<Object> {

    private final int hash;

    Key(Object object, ReferenceQueue<Object> collected) {
      super(object, collected);
      this.hash = System.identityHashCode(object);
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      if (this == other) {
        return true;
      }
      Object object = get();
      return object != null && other instanceof Key key && key.get() == object;
    }
  }

  /** A key to look up by, without a reference for the collector to know of. */
  private record Probe(Object object) {

    @Override
    public int hashCode() {
      return System.identityHashCode(object);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Key key && key.get() == object;
    }
  }
}
