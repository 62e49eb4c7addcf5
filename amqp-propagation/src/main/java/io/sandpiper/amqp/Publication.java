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
 * @param persistent whether the broker keeps it, once it has it, where it is restarted
 */
record Publication(
    Sandbox sandbox, Hop hop, String messageId, List<String> queues, boolean persistent) {

  /** The broker has it. */
  void confirmed() {
    if (persistent && !queues.isEmpty()) {
      sandbox.parts(Addressees.class).forEach(addressees -> addressees.kept(messageId));
    }
  }

  /** Waits for it no longer; the broker may have it. */
  void uncertain(String why) {
    queues.forEach(queue -> sandbox.lost(messageId, queue, why));
  }

  /**
   * Gives it up.
   *
   * @param why what has become of it
   */
  void lost(String why) {
    sandbox.answered(hop);
    uncertain(why);
  }

  /** Records that it could not be sent. */
  void failed(Throwable cause) {
    sandbox.failedToSend(hop, cause);
    queues.forEach(queue -> sandbox.notInTransit(messageId, queue));
  }
}
