package io.sandpiper.amqp;

import java.time.Duration;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What a contract test is to do.
 *
 * @param worker starts the worker
 * @param requests the queue that the worker consumes
 * @param replies the queue that its replies come to
 * @param replyTo whether requests name that queue as their address for replies
 * @param body the body of the request with a number
 * @param contentType the content type of requests
 * @param headers headers of all requests
 * @param answers whether the second body is a reply to the first, or null where nobody can tell
 * @param unprocessable what the worker cannot handle, or null
 * @param topology declares what else the worker needs
 * @param timeout how long to wait for each sign of the worker
 */
record ContractSettings(
    ContractLauncher worker,
    String requests,
    String replies,
    boolean replyTo,
    IntFunction<byte[]> body,
    String contentType,
    Map<String, Object> headers,
    @Nullable BiPredicate<byte[], byte[]> answers,
    @Nullable Unprocessable unprocessable,
    WorkerContract.Topology topology,
    Duration timeout) {

  /** A message that the worker cannot handle. */
  record Unprocessable(byte[] body, String contentType) {}

  String timeoutInWords() {
    long millis = timeout.toMillis();
    return millis % 1000 == 0 ? millis / 1000 + " s" : millis + " ms";
  }
}
