/** What carries a test id over RabbitMQ, and the broker that a test run uses. */
@NullMarked
package io.sandpiper.amqp;

import org.jspecify.annotations.NullMarked;
