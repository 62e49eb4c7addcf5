package io.sandpiper;

/** What an id, or the lack of one, says about an inbound hop. */
sealed interface Recognition {

  Recognition NONE = new None();

  /** It carries nothing of ours. */
  record None() implements Recognition {}

  /** It belongs to a sandbox that was open a moment ago. */
  record Owned(Sandbox sandbox, Attribution attribution) implements Recognition {}

  /** It must not reach the application. */
  record Refused(Refusal refusal) implements Recognition {}
}
