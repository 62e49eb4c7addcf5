package io.sandpiper.agent;

import static net.bytebuddy.matcher.ElementMatchers.none;

import java.lang.instrument.Instrumentation;
import java.lang.instrument.UnmodifiableClassException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.dynamic.DynamicType;
import net.bytebuddy.utility.JavaModule;
import org.jspecify.annotations.Nullable;

/**
 * Changes the methods of classes, loaded ones too, and nothing of their shape. Safe for use by
 * several threads.
 */
final class Retransformer {

  private final Instrumentation instrumentation;
  private final Selection selection;
  private final Change change;

  // Guarded by this.
  private boolean installed;

  /** Of the change that the current thread makes. */
  private final ThreadLocal<@Nullable List<Throwable>> problems = new ThreadLocal<>();

  /** By the names of classes, why they could not be changed when they were loaded. */
  private final Map<String, String> refused = new ConcurrentHashMap<>();

  /** The names of the classes that are changed; weak, because a loader keeps its classes. */
  private final Map<ClassLoader, Set<String>> changed =
      Collections.synchronizedMap(new WeakHashMap<>());

  /** Nothing is changed before the first call of {@link #change}. */
  Retransformer(Instrumentation instrumentation, Selection selection, Change change) {
    this.instrumentation = instrumentation;
    this.selection = selection;
    this.change = change;
  }

  /**
   * Which classes are changed, whenever one is loaded or changed by anybody. It stays with the JVM,
   * so it keeps no class from being unloaded.
   */
  interface Selection {

    /**
     * Whether a class is to be changed.
     *
     * @param loaded the class itself, or null where it is being loaded
     */
    boolean includes(TypeDescription type, @Nullable Class<?> loaded);
  }

  /** How a class is changed. */
  interface Change {
    DynamicType.Builder<?> apply(DynamicType.Builder<?> builder, TypeDescription type);
  }

  /**
   * Changes classes that are loaded and that the selection includes now.
   *
   * @throws IllegalStateException where one could not be changed
   */
  synchronized void change(Collection<? extends Class<?>> loaded) {
    List<Throwable> met = new ArrayList<>();
    problems.set(met);
    try {
      install();
      if (!loaded.isEmpty()) {
        instrumentation.retransformClasses(loaded.toArray(Class<?>[]::new));
      }
    } catch (UnmodifiableClassException | LinkageError refused) {
      met.add(refused);
    } finally {
      problems.remove();
    }
    if (!met.isEmpty()) {
      Throwable first = met.get(0);
      throw new IllegalStateException(
          "Sandpiper could not add to %s: %s".formatted(loaded, first), first);
    }
  }

  /** Whether a class is changed. */
  boolean isChanged(Class<?> type) {
    ClassLoader loader = type.getClassLoader();
    return loader != null && changed.getOrDefault(loader, Set.of()).contains(type.getName());
  }

  /**
   * By the names of classes, why they could not be changed when they were loaded; there may be some
   * among them that were not to be changed.
   */
  Map<String, String> refused() {
    return refused;
  }

  private void install() {
    if (installed) {
      return;
    }
    new AgentBuilder.Default()
        .disableClassFormatChanges()
        .with(AgentBuilder.RedefinitionStrategy.RETRANSFORMATION)
        .with(new AgentBuilder.RedefinitionStrategy.DiscoveryStrategy.Explicit())
        .with(new Observer())
        .ignore(none())
        .type((type, loader, module, redefined, domain) -> selection.includes(type, redefined))
        .transform((builder, type, loader, module, domain) -> change.apply(builder, type))
        .installOn(instrumentation);
    installed = true;
  }

  private final class Observer extends AgentBuilder.Listener.Adapter {

    @Override
    public void onTransformation(
        TypeDescription type,
        @Nullable ClassLoader loader,
        @Nullable JavaModule module,
        boolean loaded,
        DynamicType dynamicType) {
      if (loader != null) {
        changed.computeIfAbsent(loader, each -> ConcurrentHashMap.newKeySet()).add(type.getName());
      }
    }

    @Override
    public void onError(
        String type,
        @Nullable ClassLoader loader,
        @Nullable JavaModule module,
        boolean loaded,
        Throwable thrown) {
      List<Throwable> met = problems.get();
      if (met != null) {
        met.add(thrown);
      } else {
        refused.put(type, thrown.toString());
      }
    }
  }
}
