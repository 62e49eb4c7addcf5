/**
 * What carries a test id over RabbitMQ, and the broker that a test run uses.
 *
 * <p>{@link io.sandpiper.amqp.AmqpPropagation} is the entry: on the way out it stamps messages in
 * the client's observation collector, on the way in {@code ListenerAdvice} is first in the chain of
 * each listener container, {@code BatchAdvice} splits what mixes tests and {@code Refusals} are
 * acknowledged. {@code TestBatches} keeps outgoing batches apart. {@code RabbitPostProcessor}
 * applies it to the beans of a Spring context. {@code BrokerServer} finds or starts the broker,
 * {@code AmqpBrokerAutoConfiguration} gives each context a virtual host on it.
 */
@NullMarked
package io.sandpiper.amqp;

import org.jspecify.annotations.NullMarked;
