/**
 * What carries a test id over RabbitMQ, and the broker that a test run uses.
 *
 * <p>{@link io.sandpiper.amqp.AmqpPropagation} is the entry: on the way out it stamps messages in
 * the client's observation collector, on the way in it puts an advice first in the chain of each
 * listener container. {@code RabbitPostProcessor} applies it to the beans of a Spring context.
 * {@code BrokerServer} finds or starts the broker, {@code AmqpBrokerAutoConfiguration} gives each
 * context a virtual host on it.
 *
 * <p>{@link io.sandpiper.amqp.WorkerContract} tests workers: {@code ContractCheck} talks to one, by
 * requests of {@code ContractRequests} over a {@code ContractBroker}; {@code ContractMatching}
 * finds which reply is whose, and {@code ContractLevels} and {@code ContractRules} judge.
 */
@NullMarked
package io.sandpiper.amqp;

import org.jspecify.annotations.NullMarked;
