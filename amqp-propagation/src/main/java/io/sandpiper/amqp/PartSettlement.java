package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.UndeclaredThrowableException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.ImmediateAcknowledgeAmqpException;
import org.springframework.amqp.rabbit.connection.ConnectionFactory;
import org.springframework.amqp.rabbit.connection.ConnectionFactoryUtils;
import org.springframework.amqp.rabbit.connection.RabbitResourceHolder;
import org.springframework.amqp.rabbit.connection.RabbitUtils;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionException;
import org.springframework.transaction.interceptor.TransactionAttribute;
import org.springframework.transaction.support.DefaultTransactionDefinition;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;
import org.springframework.util.MultiValueMap;
import org.springframework.util.ReflectionUtils;

/** Acknowledges or rejects a part of a batch, as its container would if the part came alone. */
final class PartSettlement {

  private static final Logger LOG = LoggerFactory.getLogger(PartSettlement.class);

  private final ContainerAccess container;

  PartSettlement(ContainerAccess container) {
    this.container = container;
  }

  /** The call of a listener. */
  @FunctionalInterface
  interface Call {

    void run() throws Throwable;
  }

  /**
   * Calls the listener and settles its deliveries. A broker that cannot be told is no failure: it
   * delivers again, as after any acknowledgement that is lost.
   */
  void settle(TrackedChannel channel, List<Long> deliveries, Call listener) throws Throwable {
    ConnectionFactory connections = container.container().getConnectionFactory();
    PlatformTransactionManager transactions = container.transactionManager();
    Object bound = TransactionSynchronizationManager.getResource(connections);
    if (transactions != null && bound instanceof RabbitResourceHolder outer) {
      leave(outer, deliveries);
      inTransaction(transactions, channel, deliveries, listener);
    } else {
      settle(channel, deliveries, call(listener));
    }
  }

  /** Returns why the call has failed, or null where its messages are to be acknowledged. */
  private @Nullable RuntimeException call(Call listener) {
    RuntimeException failure;
    try {
      listener.run();
      return null;
    } catch (RuntimeException thrown) {
      failure = ScopedErrorHandler.outcome(container.container(), thrown);
    } catch (Error error) {
      throw error;
    } catch (Throwable checked) {
      failure = new UndeclaredThrowableException(checked);
    }
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof ImmediateAcknowledgeAmqpException) {
        return null;
      }
    }
    return failure;
  }

  private void settle(
      TrackedChannel tracked, List<Long> deliveries, @Nullable RuntimeException failure) {
    Channel channel = tracked.proxy();
    try {
      if (container.transacted() && failure != null) {
        RabbitUtils.rollbackIfNecessary(channel);
      }
      if (!container.container().getAcknowledgeMode().isAutoAck()) {
        for (long delivery : deliveries) {
          settle(tracked, delivery, failure);
        }
      }
      if (container.transacted()) {
        RabbitUtils.commitIfNecessary(channel);
      }
    } catch (IOException | AmqpException | com.rabbitmq.client.ShutdownSignalException closed) {
      LOG.warn("Deliveries {} could not be settled and will come again", deliveries, closed);
    }
  }

  private void settle(TrackedChannel tracked, long delivery, @Nullable RuntimeException failure)
      throws IOException {
    if (tracked.settled(delivery)) {
      return;
    }
    if (failure == null) {
      tracked.proxy().basicAck(delivery, false);
    } else {
      tracked.proxy().basicNack(delivery, false, container.requeues(failure));
    }
  }

  /** One of its own beside the container's, which is that of the last part. */
  private void inTransaction(
      PlatformTransactionManager transactions,
      TrackedChannel tracked,
      List<Long> deliveries,
      Call listener) {
    TransactionAttribute attribute = container.transactionAttribute();
    DefaultTransactionDefinition own = new DefaultTransactionDefinition(attribute);
    own.setPropagationBehavior(DefaultTransactionDefinition.PROPAGATION_REQUIRES_NEW);
    try {
      new TransactionTemplate(transactions, own)
          .executeWithoutResult(
              status -> {
                RabbitResourceHolder holder = join(tracked, deliveries);
                RuntimeException failure = call(listener);
                if (failure != null && attribute.rollbackOn(failure)) {
                  holder.setRequeueOnRollback(container.requeuesOnRollback(failure));
                  status.setRollbackOnly();
                }
              });
    } catch (TransactionException | AmqpException failed) {
      LOG.warn("The transaction of deliveries {} failed", deliveries, failed);
    }
  }

  private RabbitResourceHolder join(TrackedChannel tracked, List<Long> deliveries) {
    Channel channel = tracked.channel();
    RabbitResourceHolder holder =
        Objects.requireNonNull(
            ConnectionFactoryUtils.bindResourceToTransaction(
                new RabbitResourceHolder(channel, false),
                container.container().getConnectionFactory(),
                true));
    deliveries.forEach(delivery -> holder.addDeliveryTag(channel, delivery));
    return holder;
  }

  /** The container has entrusted the whole batch to its own transaction. */
  private static void leave(RabbitResourceHolder outer, List<Long> deliveries) {
    Field field =
        Objects.requireNonNull(
            ReflectionUtils.findField(RabbitResourceHolder.class, "deliveryTags"),
            "RabbitResourceHolder.deliveryTags of spring-rabbit");
    ReflectionUtils.makeAccessible(field);
    MultiValueMap<?, ?> entrusted =
        (MultiValueMap<?, ?>) Objects.requireNonNull(ReflectionUtils.getField(field, outer));
    entrusted.values().forEach(tags -> tags.removeAll(deliveries));
  }
}
