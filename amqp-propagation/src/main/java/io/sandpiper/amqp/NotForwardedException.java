package io.sandpiper.amqp;

/** A message of another home could not be forwarded; it has not been acknowledged. */
final class NotForwardedException extends IllegalStateException {

  private static final long serialVersionUID = 1;

  NotForwardedException(Original message, String to, Object outcome) {
    super(
        "%s is not ours, and could not be forwarded to %s: %s. It was not acknowledged: the broker delivers it again."
            .formatted(message, to, outcome));
  }
}
