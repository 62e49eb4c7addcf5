package io.sandpiper.amqp;

import io.sandpiper.Hop;
import io.sandpiper.Sandbox;
import java.util.List;

/**
 * A message that a test has sent.
 *
 * @param sandbox the test's
 * @param hop as it is recorded
 * @param messageId its message id
 * @param queues to which it is counted as in transit
 */
record Publication(Sandbox sandbox, Hop hop, String messageId, List<String> queues) {

  /**
   * Gives it up.
   *
   * @param why what has become of it
   */
  void lost(String why) {
    sandbox.answered(hop);
    queues.forEach(queue -> sandbox.lost(messageId, queue, why));
  }

  /** Records that it could not be sent. */
  void failed(Throwable cause) {
    sandbox.failedToSend(hop, cause);
    queues.forEach(queue -> sandbox.notInTransit(messageId, queue));
  }
}
