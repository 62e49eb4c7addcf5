/**
 * What carries a test id over RabbitMQ, and the broker that a test run uses.
 *
 * <p>{@link io.sandpiper.amqp.AmqpPropagation} is the entry. {@code ClientHooks} are the collectors
 * of a connection factory, {@code Wrapped} stands for a connection or channel whose factory is not
 * at hand; both hand what is published and consumed to {@code Traffic}, which has a class for each:
 * {@code Stamping}, {@code ScopedConsumer}, {@code Polling}. {@code Consumers} counts who consumes
 * what in this JVM; {@code Topology} knows where messages go, {@code TransitCounter} and {@code
 * Deliveries} count those on their way. {@code ListenerAdvice} is first in the chain of each
 * listener container of Spring's, {@code BatchAdvice} splits what mixes tests, {@code Refusals} are
 * acknowledged, {@code TestBatches} keeps outgoing batches apart. {@code RabbitPostProcessor}
 * applies all that to the beans of a Spring context.
 *
 * <p>{@code Inbound} judges each message that is received. {@code PutBack} has one delivered once
 * more through the broker, as it was: for faults, and on a shared broker for {@code Homes}, where
 * {@code Forwarding} sends on what is at home in another run ({@code RunHome}) or context ({@code
 * ContextHome}). {@code Taps} show tests what nobody here consumes.
 *
 * <p>{@code BrokerServer} finds or starts the broker, {@code AmqpBrokerAutoConfiguration} gives
 * each context a virtual host on it.
 *
 * <p>{@link io.sandpiper.amqp.WorkerContract} tests workers: {@code ContractCheck} talks to one, by
 * requests of {@code ContractRequests} over a {@code ContractBroker}; {@code ContractMatching}
 * finds which reply is whose, and {@code ContractLevels} and {@code ContractRules} judge.
 */
@NullMarked
package io.sandpiper.amqp;

import org.jspecify.annotations.NullMarked;
