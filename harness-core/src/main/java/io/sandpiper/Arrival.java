package io.sandpiper;

/** What became of an inbound message or request when it was shown to the run. */
public sealed interface Arrival {

  /** It carries nothing of ours: the application handles it as in production. */
  record Unknown() implements Arrival {}

  /**
   * It is in its test's mailbox.
   *
   * @param work its handling: to be bound while the application handles it, and finished after
   */
  record Accepted(Work work) implements Arrival {}

  /**
   * It must not reach the application; already recorded.
   *
   * @param refusal why
   */
  record Refused(Refusal refusal) implements Arrival {}
}
