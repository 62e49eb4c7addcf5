package io.sandpiper.example;

import java.util.List;
import java.util.Map;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.stereotype.Component;

/**
 * Stores batches and asks the worker to take its time over them, which the service never does; for
 * tests.
 */
@Component
class SlowRequests {

  private final BatchRepository batches;
  private final RabbitTemplate rabbit;
  private final ScoringQueues queues;

  SlowRequests(BatchRepository batches, RabbitTemplate rabbit, ScoringQueues queues) {
    this.batches = batches;
    this.rabbit = rabbit;
    this.queues = queues;
  }

  long submit(int delayMs, String... texts) {
    long batch = batches.insert(null);
    List<ScoringRequest.Text> items = batches.insertItems(batch, List.of(texts));
    rabbit.convertAndSend(
        queues.requests(), Map.of("batchId", batch, "items", items, "delayMs", delayMs));
    return batch;
  }
}
