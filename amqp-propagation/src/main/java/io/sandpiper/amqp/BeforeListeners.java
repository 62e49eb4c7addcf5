package io.sandpiper.amqp;

import org.springframework.context.SmartLifecycle;

/** What an application context starts before its listeners and stops after them. */
abstract class BeforeListeners implements SmartLifecycle {

  private volatile boolean running;

  /** Does what there is to do; by whom it is called it is not running yet. */
  abstract void begin();

  /** Undoes it. */
  void end() {}

  @Override
  public final void start() {
    begin();
    running = true;
  }

  @Override
  public final void stop() {
    end();
    running = false;
  }

  @Override
  public final boolean isRunning() {
    return running;
  }

  @Override
  public final int getPhase() {
    return Integer.MIN_VALUE;
  }
}
