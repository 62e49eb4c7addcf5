package io.sandpiper.amqp;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.Work;
import java.util.Collection;
import java.util.Date;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.batch.BatchingStrategy;
import org.springframework.amqp.rabbit.batch.MessageBatch;

/** What one test, or nobody, has added to a batch that was not sent yet. */
final class OwnBatch implements SandboxPart {

  private final @Nullable Sandbox sandbox;
  private final BatchingStrategy strategy;
  private final Consumer<OwnBatch> onEnd;
  private @Nullable Date due;
  private @Nullable Work waiting;
  private boolean ended;

  /**
   * @param sandbox the test's, or null
   * @param strategy of which nobody else makes use
   * @param onEnd told when the test ends
   */
  OwnBatch(@Nullable Sandbox sandbox, BatchingStrategy strategy, Consumer<OwnBatch> onEnd) {
    this.sandbox = sandbox;
    this.strategy = strategy;
    this.onEnd = onEnd;
  }

  BatchingStrategy strategy() {
    return strategy;
  }

  boolean isOf(Sandbox other) {
    return sandbox == other;
  }

  synchronized boolean ended() {
    return ended;
  }

  /** When it is to be sent, or null where it is empty or waits for more. */
  synchronized @Nullable Date due() {
    return due;
  }

  synchronized boolean isDue(Date now) {
    return due != null && !due.after(now);
  }

  synchronized @Nullable MessageBatch add(
      @Nullable String exchange, @Nullable String routingKey, Message message) {
    MessageBatch full = strategy.addToBatch(exchange, routingKey, message);
    due = strategy.nextRelease();
    if (due == null) {
      finish(waiting);
    } else if (sandbox != null && waiting == null) {
      waiting = sandbox.begin("batch for \"%s\" that is not full".formatted(routingKey));
    }
    return full;
  }

  /** Whoever sends what is released finishes afterwards the {@link #waiting} work of before. */
  synchronized Collection<MessageBatch> release() {
    Collection<MessageBatch> released = strategy.releaseBatches();
    due = strategy.nextRelease();
    return released;
  }

  /** The work that keeps the test open until the batch is sent, or null. */
  synchronized @Nullable Work waiting() {
    return waiting;
  }

  synchronized void finish(@Nullable Work sent) {
    if (sent != null) {
      sent.finish(null);
      if (waiting == sent) {
        waiting = null;
      }
    }
  }

  @Override
  public synchronized void fence() {
    ended = true;
  }

  @Override
  public synchronized void rollBack() {
    onEnd.accept(this);
    int unsent = strategy.releaseBatches().size();
    if (unsent > 0 && sandbox != null) {
      sandbox.journal().note("a batch was not full when the test ended, and was never sent");
    }
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
