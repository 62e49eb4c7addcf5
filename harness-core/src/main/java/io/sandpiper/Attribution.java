package io.sandpiper;

/** How a hop was matched to its test. */
public enum Attribution {
  /** By the harness's own header. */
  OWN_HEADER("own header"),
  /** By the member {@code test.id} of W3C baggage. */
  BAGGAGE("baggage"),
  /** By the correlation id of a message that the test sent. */
  CORRELATION_ID("correlation id"),
  /** By the message id of a message that the test sent. */
  MESSAGE_ID("message id"),
  /** By the reply address of a message that the test, and no other, sent. */
  REPLY_ADDRESS("reply address"),
  /** By the scope of the thread that sent or received it. */
  SCOPE("scope");

  private final String words;

  Attribution(String words) {
    this.words = words;
  }

  @Override
  public String toString() {
    return words;
  }
}
