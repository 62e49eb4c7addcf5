package io.sandpiper;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.LoggerFactory;

/** The things of which a run has one; closed when the JVM exits. */
final class RunResources {

  private final Map<Class<?>, AutoCloseable> things = new LinkedHashMap<>();

  synchronized <T extends AutoCloseable> T get(Class<T> type, Supplier<T> factory) {
    AutoCloseable thing = things.get(type);
    if (thing == null) {
      thing = factory.get();
      if (things.isEmpty()) {
        Runtime.getRuntime().addShutdownHook(new Thread(this::close, "sandpiper-shutdown"));
      }
      things.put(type, thing);
    }
    return type.cast(thing);
  }

  /** The youngest first: what was made later may depend on what was there. */
  synchronized void close() {
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
