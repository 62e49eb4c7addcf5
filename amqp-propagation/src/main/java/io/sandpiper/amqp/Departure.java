package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.ShutdownSignalException;

/**
 * Why a consumer or channel is not there any more.
 *
 * @param why in words, for the journal
 * @param lost whether the connection was lost and the application did not want it: what the broker
 *     has is delivered again when the application is back
 */
record Departure(String why, boolean lost) {

  /** The application has cancelled it, or closed its channel. */
  static final Departure ASKED_FOR = new Departure("its last has gone", false);

  /** The broker has cancelled it. */
  static final Departure CANCELLED =
      new Departure("the broker has cancelled it, as where a queue is deleted", false);

  static Departure of(ShutdownSignalException signal) {
    if (signal.isInitiatedByApplication()) {
      return ASKED_FOR;
    }
    return new Departure(
        (signal.isHardError() ? "its connection was lost: " : "its channel was closed: ")
            + reason(signal),
        signal.isHardError());
  }

  private static String reason(ShutdownSignalException signal) {
    if (signal.getReason() instanceof AMQP.Connection.Close close) {
      return "%d %s".formatted(close.getReplyCode(), close.getReplyText());
    }
    if (signal.getReason() instanceof AMQP.Channel.Close close) {
      return "%d %s".formatted(close.getReplyCode(), close.getReplyText());
    }
    Throwable cause = signal.getCause();
    return cause == null ? "unexpectedly" : cause.toString();
  }
}
