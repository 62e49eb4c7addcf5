package io.sandpiper;

import org.jspecify.annotations.Nullable;

/**
 * Replies of others that a test has declared.
 *
 * @param request matches what asks for one
 * @param reply matches what answers
 */
record ExpectedReplies(Expectation request, Expectation reply) {

  /** One line on what is missing, or null where nothing is. */
  @Nullable String missing(Mailbox mailbox) {
    long requests = count(mailbox, request);
    long replies = count(mailbox, reply);
    return replies >= requests
        ? null
        : "%d of %d replies are missing: %s for %s"
            .formatted(requests - replies, requests, reply, request);
  }

  private static long count(Mailbox mailbox, Expectation expectation) {
    return mailbox.going(expectation.direction()).stream().filter(expectation::matches).count();
  }
}
