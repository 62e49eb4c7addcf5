package io.sandpiper;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.slf4j.LoggerFactory;

/** The things of which a run has one; closed when the JVM exits. */
final class RunResources {

  private final Map<Class<?>, AutoCloseable> things = new LinkedHashMap<>();
  private final List<Runnable> before = new CopyOnWriteArrayList<>();

  synchronized <T extends AutoCloseable> T get(Class<T> type, Supplier<T> factory) {
    AutoCloseable thing = things.get(type);
    if (thing == null) {
      thing = factory.get();
      if (things.isEmpty()) {
        Runtime.getRuntime().addShutdownHook(new Thread(this::exit, "sandpiper-shutdown"));
      }
      things.put(type, thing);
    }
    return type.cast(thing);
  }

  /** Has something done before they are closed. */
  void before(Runnable action) {
    before.add(action);
  }

  /** Without the lock: what is done before may ask for things. */
  void exit() {
    before.forEach(Runnable::run);
    close();
  }

  /** The youngest first: what was made later may depend on what was there. */
  private synchronized void close() {
    List<AutoCloseable> youngestFirst = new ArrayList<>(things.values());
    Collections.reverse(youngestFirst);
    for (AutoCloseable thing : youngestFirst) {
      try {
        thing.close();
      } catch (Exception failed) {
        LoggerFactory.getLogger(Run.class)
            .warn("Could not close {}", thing.getClass().getName(), failed);
      }
    }
  }
}
