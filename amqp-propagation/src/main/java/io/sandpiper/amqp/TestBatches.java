package io.sandpiper.amqp;

import io.sandpiper.Propagation;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.rabbit.batch.BatchingStrategy;
import org.springframework.amqp.rabbit.batch.MessageBatch;
import org.springframework.amqp.rabbit.batch.SimpleBatchingStrategy;
import org.springframework.amqp.rabbit.core.BatchingRabbitTemplate;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.util.ReflectionUtils;

/**
 * Keeps the batches of a {@link BatchingRabbitTemplate} apart by test, because a batch is one
 * message: each test has one of its own, as large and as late as it would be if the test were
 * alone.
 *
 * <p>Messages are stamped when they are added: a batch is sent by whatever thread finds it full or
 * due. Used under the lock of the template, but for what the end of a test takes away.
 */
final class TestBatches implements BatchingStrategy {

  private final OwnBatch unowned;
  private final List<OwnBatch> open = new CopyOnWriteArrayList<>();

  /** Where a timer releases: the works to be finished when what is released has been sent. */
  private final ThreadLocal<@Nullable List<Runnable>> afterSending = new ThreadLocal<>();

  private TestBatches(BatchingStrategy original) {
    this.unowned = new OwnBatch(null, original, batch -> {});
  }

  static void install(BatchingRabbitTemplate template) {
    Field strategy = field(BatchingRabbitTemplate.class, "batchingStrategy");
    BatchingStrategy original = (BatchingStrategy) read(strategy, template);
    if (original instanceof TestBatches) {
      return;
    }
    if (original.getClass() != SimpleBatchingStrategy.class) {
      LoggerFactory.getLogger(TestBatches.class)
          .warn(
              "Messages of tests are sent one by one, not in batches: the batches of tests are kept"
                  + " apart for SimpleBatchingStrategy only, and this template has {}",
              original.getClass().getName());
    }
    TestBatches batches = new TestBatches(original);
    Field scheduler = field(BatchingRabbitTemplate.class, "scheduler");
    TaskScheduler timer = batches.timer((TaskScheduler) read(scheduler, template));
    ReflectionUtils.setField(scheduler, template, timer);
    ReflectionUtils.setField(strategy, template, batches);
  }

  private static Field field(Class<?> type, String name) {
    Field field =
        Objects.requireNonNull(
            ReflectionUtils.findField(type, name),
            () ->
                "This version of spring-rabbit has no field %s in %s. Use the version that Spring Boot manages, or report it to Sandpiper."
                    .formatted(name, type.getSimpleName()));
    ReflectionUtils.makeAccessible(field);
    return field;
  }

  private static Object read(Field field, Object of) {
    return Objects.requireNonNull(ReflectionUtils.getField(field, of));
  }

  /** A scheduler whose tasks are nobody's work, and release only what is due. */
  private TaskScheduler timer(TaskScheduler scheduler) {
    return (TaskScheduler)
        Proxy.newProxyInstance(
            TestBatches.class.getClassLoader(),
            new Class<?>[] {TaskScheduler.class},
            (self, method, args) -> {
              if (args != null && args[0] instanceof Runnable release) {
                args[0] = (Runnable) () -> releaseDue(release, scheduler);
              }
              try (Scope nobody = Scope.open(null, "timer of a batching template")) {
                return method.invoke(scheduler, args);
              } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
              }
            });
  }

  private void releaseDue(Runnable release, TaskScheduler scheduler) {
    List<Runnable> sent = new ArrayList<>();
    afterSending.set(sent);
    try {
      release.run();
    } finally {
      afterSending.remove();
      sent.forEach(Runnable::run);
    }
    // The template has one timer, and knows of one batch.
    Date next = nextRelease();
    if (next != null) {
      scheduler.schedule(() -> releaseDue(release, scheduler), next.toInstant());
    }
  }

  @Override
  public @Nullable MessageBatch addToBatch(
      @Nullable String exchange, @Nullable String routingKey, Message message) {
    Work work = Work.current();
    if (work == null) {
      return unowned.add(exchange, routingKey, message);
    }
    stamp(work.sandbox(), message.getMessageProperties());
    OwnBatch batch = batchOf(work.sandbox());
    // Without one it goes alone; if its test has ended, it is refused when it arrives.
    return batch == null
        ? new MessageBatch(exchange, routingKey, message)
        : batch.add(exchange, routingKey, message);
  }

  private static void stamp(Sandbox sandbox, MessageProperties properties) {
    Object baggage = properties.getHeader(Propagation.BAGGAGE);
    Propagation.inject(sandbox, baggage == null ? null : baggage.toString(), properties::setHeader);
  }

  private @Nullable OwnBatch batchOf(Sandbox sandbox) {
    BatchingStrategy original = unowned.strategy();
    if (original.getClass() != SimpleBatchingStrategy.class) {
      return null;
    }
    OwnBatch batch =
        (OwnBatch) sandbox.part(this, () -> new OwnBatch(sandbox, another(original), open::remove));
    if (batch == null || batch.ended()) {
      return null;
    }
    if (!open.contains(batch)) {
      open.add(batch);
    }
    return batch;
  }

  /** A strategy with the same limits, which has no getters for them. */
  private static SimpleBatchingStrategy another(BatchingStrategy original) {
    return new SimpleBatchingStrategy(
        (int) read(field(SimpleBatchingStrategy.class, "batchSize"), original),
        (int) read(field(SimpleBatchingStrategy.class, "bufferLimit"), original),
        (long) read(field(SimpleBatchingStrategy.class, "timeout"), original));
  }

  @Override
  public @Nullable Date nextRelease() {
    Date next = unowned.due();
    for (OwnBatch batch : open) {
      Date due = batch.due();
      next = next == null || due != null && due.before(next) ? due : next;
    }
    return next;
  }

  /** What is due for a timer; else that of the test that flushes, and everything for nobody. */
  @Override
  public Collection<MessageBatch> releaseBatches() {
    Work work = Work.current();
    boolean timer = afterSending.get() != null;
    Date now = new Date();
    List<OwnBatch> wanted = new ArrayList<>(open);
    wanted.add(unowned);
    if (timer) {
      wanted.removeIf(batch -> !batch.isDue(now));
    } else if (work != null) {
      wanted.removeIf(batch -> !batch.isOf(work.sandbox()));
    }
    return wanted.stream().flatMap(batch -> release(batch).stream()).toList();
  }

  private Collection<MessageBatch> release(OwnBatch batch) {
    Work waiting = batch.waiting();
    Collection<MessageBatch> released = batch.release();
    List<Runnable> sent = afterSending.get();
    if (sent == null) {
      batch.finish(waiting);
    } else {
      sent.add(() -> batch.finish(waiting));
    }
    return released;
  }

  @Override
  public boolean canDebatch(MessageProperties properties) {
    return unowned.strategy().canDebatch(properties);
  }

  @Override
  public void deBatch(Message message, Consumer<Message> fragmentConsumer) {
    unowned.strategy().deBatch(message, fragmentConsumer);
  }
}
