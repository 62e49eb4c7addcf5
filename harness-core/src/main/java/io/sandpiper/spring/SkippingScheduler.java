package io.sandpiper.spring;

import io.sandpiper.context.Scope;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;
import org.springframework.core.ReactiveAdapterRegistry;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.annotation.ScheduledAnnotationBeanPostProcessor;
import org.springframework.scheduling.support.ScheduledMethodRunnable;

/** Schedules methods whose ticks do nothing where they belong to no test. */
class SkippingScheduler extends ScheduledAnnotationBeanPostProcessor {

  SkippingScheduler() {}

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
    return new Skipped((ScheduledMethodRunnable) tick);
  }

  /** Is of the class by which others tell what is scheduled. */
  private static final class Skipped extends ScheduledMethodRunnable {

    private final ScheduledMethodRunnable tick;

    Skipped(ScheduledMethodRunnable tick) {
      super(tick.getTarget(), tick.getMethod());
      this.tick = tick;
    }

    @Override
    public @Nullable String getQualifier() {
      return tick.getQualifier();
    }

    @Override
    public void run() {
      if (Scope.currentWork() != null) {
        tick.run();
      }
    }
  }
}
