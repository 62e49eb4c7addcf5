package io.sandpiper;

/**
 * A message on its way to a queue that has a consumer in this JVM.
 *
 * @param messageId its message id, or what else it will be known by
 * @param queue the queue's name
 */
record Transit(String messageId, String queue) {

  @Override
  public String toString() {
    return "message %s in transit to queue %s".formatted(messageId, queue);
  }
}
