package io.sandpiper.example;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.scheduling.annotation.Async;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/** Tells whoever has given a batch a name that it is scored; the worker's answer does not wait. */
@Component
class Notifier {

  private final BatchRepository batches;
  private final Executor queries;

  Notifier(BatchRepository batches, @Qualifier("queries") Executor queries) {
    this.batches = batches;
    this.queries = queries;
  }

  @Async
  @TransactionalEventListener
  void notifyOf(BatchScored scored) {
    batches.insertNotification(scored.batchId(), summary(scored.batchId()).join());
  }

  private CompletableFuture<String> summary(long batchId) {
    List<CompletableFuture<String>> parts =
        batches.labels(batchId).stream()
            .map(label -> CompletableFuture.supplyAsync(() -> part(batchId, label), queries))
            .toList();
    return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new))
        .thenApply(done -> String.join(", ", parts.stream().map(CompletableFuture::join).toList()));
  }

  private String part(long batchId, String label) {
    return batches.count(batchId, label) + " " + label;
  }
}
