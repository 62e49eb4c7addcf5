package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.Run;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The consumer by which a template of Spring waits for one message: a test that waits is given its
 * own.
 *
 * <p>When the broker delivers what is another open test's, that goes back, the broker is told to
 * deliver no more, and the queue is searched from time to time until the template gives up. A
 * consumer that went on would be given the same message again, and never the one behind it.
 */
final class TimedPoll extends DelegatingConsumer {

  private static final String TEMPLATES =
      "org.springframework.amqp.rabbit.core.RabbitTemplate$TemplateConsumer";
  private static final String STREAM_OFFSET = "x-stream-offset";

  /** So long a queue that holds as many messages as were left in it is not searched again. */
  private static final long UNCHANGED_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Polling polling;
  private final TimedPolls clock;
  private final PutBack putBack;
  private final Taking taking;
  private final ScopedConsumer scoped;
  private volatile @Nullable Waiting waiting;
  private volatile boolean over;

  /**
   * Held while this asks the broker something. The client sends what has waited behind the closing
   * of a channel after it, and the broker closes the connection then.
   */
  private final Lock asking = new ReentrantLock();

  private volatile @Nullable String cancelled;

  // Used by the clock alone.
  private long searchedAt;
  private int givenBack = -1;

  /** A message as the client delivers it. */
  private record Delivered(
      String consumerTag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {}

  /** Keeps the message that a template is to be given. */
  private static final class Taking extends DelegatingConsumer {

    private volatile boolean keeps;
    private volatile @Nullable Delivered taken;

    Taking(Consumer delegate) {
      super(delegate);
    }

    @Override
    public void handleDelivery(
        String consumerTag, Envelope envelope, AMQP.BasicProperties properties, byte[] body)
        throws IOException {
      if (keeps) {
        taken = new Delivered(consumerTag, envelope, properties, body);
      } else {
        super.handleDelivery(consumerTag, envelope, properties, body);
      }
    }

    /** Returns whether there was one. */
    private boolean handOver() throws IOException {
      Delivered message = taken;
      if (message != null) {
        super.handleDelivery(
            message.consumerTag(), message.envelope(), message.properties(), message.body());
      }
      return message != null;
    }
  }

  /** For whom and where it waits. */
  private record Waiting(Work caller, Polling.Source source, Future<?> looking) {}

  private TimedPoll(Polling polling, Run run, Taking taking, ScopedConsumer scoped) {
    super(scoped);
    this.polling = polling;
    this.clock = TimedPolls.of(run);
    this.putBack = PutBack.of(run);
    this.taking = taking;
    this.scoped = scoped;
  }

  /** Whether a consumer is a template's, for the one message that it waits for. */
  static boolean isFor(Consumer application) {
    for (Class<?> type = application.getClass(); type != null; type = type.getSuperclass()) {
      if (type.getName().equals(TEMPLATES)) {
        return true;
      }
    }
    return false;
  }

  /**
   * A consumer that is not registered yet.
   *
   * @param scope gives one that is to judge what the other is given
   */
  static TimedPoll of(
      Consumer observed, Polling polling, Run run, Function<Consumer, ScopedConsumer> scope) {
    Taking taking = new Taking(observed);
    return new TimedPoll(polling, run, taking, scope.apply(taking));
  }

  /**
   * To be called before anything is delivered.
   *
   * @param caller the work of whoever waits, or null where that is no test's
   */
  void registered(Channel channel, boolean autoAck, @Nullable Work caller) {
    scoped.registered(channel, autoAck);
    if (caller != null && !autoAck) {
      taking.keeps = true;
      Polling.Source source = new Polling.Source(channel, scoped.queue(), false);
      waiting = new Waiting(caller, source, clock.repeat(this::look));
      clock.add(channel, this);
    }
  }

  /** Whether it is given messages of one test alone. */
  boolean isOfTest() {
    return waiting != null;
  }

  @Override
  public void handleDelivery(
      String consumerTag, Envelope envelope, AMQP.BasicProperties properties, byte[] body)
      throws IOException {
    Waiting on = waiting;
    if (on == null) {
      super.handleDelivery(consumerTag, envelope, properties, body);
      return;
    }
    Original message = Original.of(scoped.queue(), envelope, properties, body);
    if (polling.isOfAnother(message, on.caller())) {
      pass(on, consumerTag, envelope.getDeliveryTag(), message);
    } else {
      give(on, consumerTag, envelope, properties, body);
    }
  }

  /** Returns whether the template has it; else it is acknowledged. */
  private boolean give(
      Waiting on,
      String consumerTag,
      Envelope envelope,
      AMQP.BasicProperties properties,
      byte[] body)
      throws IOException {
    // What has no id is the test's that asks, as with basicGet.
    try (Scope scope = Scope.open(on.caller(), "a template that waits for a message")) {
      super.handleDelivery(consumerTag, envelope, properties, body);
    }
    // Now that its arrival is complete: who has it may look for it in the mailbox.
    return taking.handOver();
  }

  /** Leaves another test's message to that. */
  private void pass(Waiting on, String consumerTag, long deliveryTag, Original message)
      throws IOException {
    Channel channel = on.source().channel();
    asking.lock();
    try {
      if (over) {
        channel.basicReject(deliveryTag, true);
        return;
      }
      if (TransitCounter.headers(message.properties()).containsKey(STREAM_OFFSET)) {
        // Whoever reads a stream leaves it as it is.
        channel.basicAck(deliveryTag, false);
        return;
      }
      // The client is not told: the template cancels its consumer itself, and must find it.
      channel.rpc(new AMQP.Basic.Cancel.Builder().consumerTag(consumerTag).build());
      channel.basicReject(deliveryTag, true);
      cancelled = consumerTag;
    } catch (ShutdownSignalException closed) {
      // The broker delivers it again by itself.
      stop();
    } finally {
      asking.unlock();
    }
  }

  /** Once in a while, as long as the template waits. */
  private void look() {
    asking.lock();
    try {
      lookAlone();
    } finally {
      asking.unlock();
    }
  }

  /** Ends this, when it has been answered what it has asked. */
  void leave() {
    stop();
    asking.lock();
    asking.unlock();
  }

  private void lookAlone() {
    Waiting on = waiting;
    if (on == null || over) {
      return;
    }
    if (on.caller().sandbox().sinceEnd() != null || !on.source().channel().isOpen()) {
      stop();
      return;
    }
    try (Scope ours = OwnWork.INSTANCE.bind()) {
      fetchKept(on);
      String consumerTag = cancelled;
      if (consumerTag != null && mayHaveChanged(on)) {
        searchedAt = System.nanoTime();
        givenBack = polling.trySearch(on.source(), on.caller(), got -> takes(on, consumerTag, got));
      }
    } catch (IOException | ShutdownSignalException closed) {
      // The template is told by the client.
      stop();
    } catch (RuntimeException failed) {
      stop();
      on.caller().failed(failed);
    }
  }

  /** A quorum queue counts how often its messages go back, and gives them up in the end. */
  private boolean mayHaveChanged(Waiting on) throws IOException {
    return givenBack < 0
        || on.source().channel().messageCount(on.source().queue()) != givenBack
        || System.nanoTime() - searchedAt > UNCHANGED_NANOS;
  }

  private boolean takes(Waiting on, String consumerTag, Polling.Got message) throws IOException {
    if (over) {
      on.source().giveBack(message);
      return true;
    }
    GetResponse response = message.response();
    boolean taken =
        give(on, consumerTag, response.getEnvelope(), response.getProps(), response.getBody());
    if (taken) {
      stop();
    }
    return taken;
  }

  /** A template acknowledges what it is given, and this the broker has forgotten. */
  private void fetchKept(Waiting on) {
    String queue = on.source().queue();
    Polling.Got kept = polling.takeKept(on.caller(), queue);
    while (kept != null) {
      Original message = kept.original();
      putBack.send(
          queue,
          message,
          message.again(false),
          on.source().channel().getConnection(),
          outcome -> {
            if (outcome != Outlet.Outcome.CONFIRMED) {
              on.caller()
                  .sandbox()
                  .journal()
                  .note("%s was not put back: %s".formatted(message, outcome));
            }
          });
      kept = polling.takeKept(on.caller(), queue);
    }
  }

  private void stop() {
    over = true;
    Waiting on = waiting;
    if (on != null) {
      on.looking().cancel(false);
    }
  }

  @Override
  public void handleCancelOk(String consumerTag) {
    stop();
    super.handleCancelOk(consumerTag);
  }

  @Override
  public void handleCancel(String consumerTag) throws IOException {
    stop();
    super.handleCancel(consumerTag);
  }

  @Override
  public void handleShutdownSignal(String consumerTag, ShutdownSignalException signal) {
    stop();
    Waiting on = waiting;
    if (on != null) {
      clock.remove(on.source().channel(), this);
    }
    super.handleShutdownSignal(consumerTag, signal);
  }
}
