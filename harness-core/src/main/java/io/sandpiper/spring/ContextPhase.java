package io.sandpiper.spring;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationContextAware;
import org.springframework.context.ApplicationEvent;
import org.springframework.context.ApplicationListener;
import org.springframework.context.event.ContextClosedEvent;

/**
 * Whether an application context is starting or stopping, which is set-up, or running.
 *
 * <p>Safe for use by several threads.
 */
final class ContextPhase implements ApplicationListener<ApplicationEvent>, ApplicationContextAware {

  private volatile boolean settingUp = true;
  private @Nullable ApplicationContext context;

  @Override
  public void setApplicationContext(ApplicationContext applicationContext) {
    context = applicationContext;
  }

  @Override
  public void onApplicationEvent(ApplicationEvent event) {
    if (event instanceof ApplicationReadyEvent ready && ready.getApplicationContext() == context) {
      running();
    } else if (event instanceof ContextClosedEvent closed
        && closed.getApplicationContext() == context) {
      settingUp = true;
    }
  }

  /** A context that no SpringApplication runs is ready when its first test begins. */
  synchronized void running() {
    ApplicationContext started = context;
    if (settingUp && started != null) {
      started
          .getBeanProvider(DatabaseTemplates.class)
          .ifAvailable(templates -> templates.prepare(started));
    }
    settingUp = false;
  }

  boolean settingUp() {
    return settingUp;
  }
}
