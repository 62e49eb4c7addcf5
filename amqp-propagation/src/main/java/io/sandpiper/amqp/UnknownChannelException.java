package io.sandpiper.amqp;

/** It is not known on which channel something is to be acknowledged. */
final class UnknownChannelException extends IllegalStateException {

  private static final long serialVersionUID = 1;

  UnknownChannelException(String queue) {
    super(
        ("The channel of a consumer of queue \"%s\" is not known, because its connection factory"
                + " was given another MetricsCollector after it had been wrapped. Set collectors"
                + " before AmqpPropagation.wrap(…), or call that again.")
            .formatted(queue));
  }
}
