package io.sandpiper.agent;

import static net.bytebuddy.matcher.ElementMatchers.none;

import java.lang.instrument.Instrumentation;
import java.lang.instrument.UnmodifiableClassException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
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

  private void install() {
    if (installed) {
      return;
    }
    new AgentBuilder.Default()
        .disableClassFormatChanges()
        .with(AgentBuilder.RedefinitionStrategy.RETRANSFORMATION)
        .with(new AgentBuilder.RedefinitionStrategy.DiscoveryStrategy.Explicit())
        .with(new Problems())
        .ignore(none())
        .type((type, loader, module, redefined, domain) -> selection.includes(type, redefined))
        .transform((builder, type, loader, module, domain) -> change.apply(builder, type))
        .installOn(instrumentation);
    installed = true;
  }

  private final class Problems extends AgentBuilder.Listener.Adapter {

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
      }
    }
  }
}
