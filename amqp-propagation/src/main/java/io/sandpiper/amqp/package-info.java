/**
 * What carries a test id over RabbitMQ, and the broker that a test run uses.
 *
 * <p>{@link io.sandpiper.amqp.AmqpPropagation} is the entry: on the way out it stamps messages in
 * the client's observation collector, on the way in it puts an advice first in the chain of each
 * listener container. {@code RabbitPostProcessor} applies it to the beans of a Spring context.
 * {@code BrokerServer} finds or starts the broker, {@code AmqpBrokerAutoConfiguration} gives each
 * context a virtual host on it.
 *
 * <p>{@code Inbound} judges each message that is received. {@code PutBack} has one delivered once
 * more through the broker, as it was: for faults, and on a shared broker for {@code Homes}, where
 * {@code Forwarding} sends on what is at home in another run ({@code RunHome}) or context ({@code
 * ContextHome}). {@code Taps} show tests what nobody here consumes.
 */
@NullMarked
package io.sandpiper.amqp;

import org.jspecify.annotations.NullMarked;
