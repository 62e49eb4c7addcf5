package io.sandpiper.agent;

import static net.bytebuddy.matcher.ElementMatchers.none;

import java.lang.instrument.Instrumentation;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.dynamic.DynamicType;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.utility.JavaModule;
import org.jspecify.annotations.Nullable;

/** Changes the methods of classes, loaded ones too, and nothing of their shape. */
final class Retransformer {

  private final Instrumentation instrumentation;

  Retransformer(Instrumentation instrumentation) {
    this.instrumentation = instrumentation;
  }

  /** How a class is changed. */
  interface Change {
    DynamicType.Builder<?> apply(DynamicType.Builder<?> builder, TypeDescription type);
  }

  /**
   * Changes classes.
   *
   * @param loaded those that are loaded
   * @param types matches them, and what is to be changed when it is loaded later
   * @throws IllegalStateException where a loaded one could not be changed
   */
  void change(
      Collection<? extends Class<?>> loaded,
      ElementMatcher<? super TypeDescription> types,
      Change change) {
    List<Throwable> problems = new CopyOnWriteArrayList<>();
    new AgentBuilder.Default()
        .disableClassFormatChanges()
        .with(AgentBuilder.RedefinitionStrategy.RETRANSFORMATION)
        .with(
            new AgentBuilder.RedefinitionStrategy.DiscoveryStrategy.Explicit(
                loaded.toArray(Class<?>[]::new)))
        .with(new Problems(problems))
        .ignore(none())
        .type(types)
        .transform((builder, type, loader, module, domain) -> change.apply(builder, type))
        .installOn(instrumentation);
    if (!problems.isEmpty()) {
      Throwable first = problems.get(0);
      throw new IllegalStateException(
          "Sandpiper could not add to %s: %s".formatted(loaded, first), first);
    }
  }

  private static final class Problems extends AgentBuilder.Listener.Adapter {

    private final List<Throwable> problems;

    Problems(List<Throwable> problems) {
      this.problems = problems;
    }

    @Override
    public void onError(
        String type,
        @Nullable ClassLoader loader,
        @Nullable JavaModule module,
        boolean loaded,
        Throwable thrown) {
      problems.add(thrown);
    }
  }
}
