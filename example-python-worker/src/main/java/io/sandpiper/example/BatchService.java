package io.sandpiper.example;

import java.util.List;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.stereotype.Service;
import org.springframework.transaction.support.TransactionTemplate;

/** Takes batches in and has them scored. */
@Service
class BatchService {

  private final BatchRepository batches;
  private final TransactionTemplate transaction;
  private final RabbitTemplate rabbit;
  private final ScoringQueues queues;

  BatchService(
      BatchRepository batches,
      TransactionTemplate transaction,
      RabbitTemplate rabbit,
      ScoringQueues queues) {
    this.batches = batches;
    this.transaction = transaction;
    this.rabbit = rabbit;
    this.queues = queues;
  }

  /** Stores a batch and asks the worker to score it; does not wait for the scores. */
  long submit(NewBatch batch) {
    ScoringRequest request = transaction.execute(status -> store(batch));
    // Not before the commit: the worker may answer sooner than that. Nor in a listener to the
    // commit: Spring logs and drops what one throws, and the client would wait for scores in vain.
    try {
      rabbit.convertAndSend(queues.requests(), request);
    } catch (AmqpException e) {
      batches.markFailed(request.batchId(), "The worker could not be asked: " + e.getMessage());
      throw e;
    }
    return request.batchId();
  }

  private ScoringRequest store(NewBatch batch) {
    long id = batches.insert(batch.name());
    List<ScoringRequest.Text> items = batches.insertItems(id, batch.texts());
    return new ScoringRequest(id, items);
  }
}
