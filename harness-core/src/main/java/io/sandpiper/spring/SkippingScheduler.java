package io.sandpiper.spring;

import io.micrometer.observation.ObservationRegistry;
import io.sandpiper.context.Scope;
import java.lang.reflect.Method;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.core.ReactiveAdapterRegistry;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.annotation.ScheduledAnnotationBeanPostProcessor;
import org.springframework.scheduling.config.ScheduledTaskRegistrar;
import org.springframework.scheduling.support.ScheduledMethodRunnable;

/** Schedules methods whose ticks do nothing where they belong to no test. */
class SkippingScheduler extends ScheduledAnnotationBeanPostProcessor {

  private final ScheduledTaskRegistrar registrar;

  SkippingScheduler() {
    this(new ScheduledTaskRegistrar());
  }

  private SkippingScheduler(ScheduledTaskRegistrar registrar) {
    super(registrar);
    this.registrar = registrar;
  }

  @Override
  protected void processScheduled(Scheduled scheduled, Method method, Object bean) {
    // What a reactive method subscribes to would not ask who ticks.
    if (ReactiveAdapterRegistry.getSharedInstance().getAdapter(method.getReturnType()) == null) {
      super.processScheduled(scheduled, method, bean);
    }
  }

  @Override
  protected Runnable createRunnable(Object target, Method method, @Nullable String qualifier) {
    Runnable tick = super.createRunnable(target, method, qualifier);
    return new Skipped((ScheduledMethodRunnable) tick, registrar::getObservationRegistry);
  }

  private static final class Skipped extends ScheduledMethodRunnable {

    Skipped(ScheduledMethodRunnable tick, Supplier<ObservationRegistry> observations) {
      super(tick.getTarget(), tick.getMethod(), tick.getQualifier(), observations);
    }

    @Override
    public void run() {
      if (Scope.currentWork() != null) {
        super.run();
      }
    }
  }
}
