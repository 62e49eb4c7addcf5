package io.sandpiper.amqp;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was said in a contract test.
 *
 * @param settings what it was to do
 * @param requests what was sent, in that order
 * @param replies what came back, in that order
 * @param trouble what broke the worker in the end, or an empty text
 * @param leftover how many requests were in their queue again once the worker was gone, or null
 *     where that is not known
 */
record ContractRecord(
    ContractSettings settings,
    List<ContractRequest> requests,
    List<ContractReply> replies,
    String trouble,
    @Nullable Long leftover) {}
