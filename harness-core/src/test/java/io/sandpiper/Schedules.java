package io.sandpiper;

import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestWatcher;

/**
 * Gives a test a {@link Random} for its schedule and tells the seed where the test fails; {@code
 * -Dseed=…} repeats it.
 */
public final class Schedules implements ParameterResolver, TestWatcher {

  private record Seeded(long seed) {}

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Random.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    long seed = Long.getLong("seed", System.nanoTime());
    context
        .getStore(ExtensionContext.Namespace.create(Schedules.class))
        .put(Seeded.class, new Seeded(seed));
    return new Random(seed);
  }

  @Override
  public void testFailed(ExtensionContext context, @Nullable Throwable cause) {
    Seeded seeded =
        context
            .getStore(ExtensionContext.Namespace.create(Schedules.class))
            .get(Seeded.class, Seeded.class);
    if (seeded != null && cause != null) {
      context.publishReportEntry("seed", Long.toString(seeded.seed()));
      cause.addSuppressed(new AssertionError("Repeat it with -Dseed=" + seeded.seed()));
    }
  }

  /** One of them. */
  public static <T> T oneOf(Random random, List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }
}
