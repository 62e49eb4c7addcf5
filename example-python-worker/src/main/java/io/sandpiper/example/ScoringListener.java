package io.sandpiper.example;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;

/** Receives what the worker answers. A broker may deliver an answer twice. */
@Component
class ScoringListener {

  private static final Logger log = LoggerFactory.getLogger(ScoringListener.class);

  private final BatchRepository batches;
  private final ApplicationEventPublisher events;

  ScoringListener(BatchRepository batches, ApplicationEventPublisher events) {
    this.batches = batches;
    this.events = events;
  }

  @RabbitListener(queues = "${scoring.queues.results}")
  @Transactional
  void onResult(ScoringResult result) {
    for (ScoringResult.Score score : result.items()) {
      batches.label(result.batchId(), score);
    }
    if (batches.markScored(result.batchId())) {
      events.publishEvent(new BatchScored(result.batchId()));
    }
  }

  @RabbitListener(queues = "${scoring.queues.failures}")
  @Transactional
  void onFailure(ScoringFailure failure) {
    if (failure.batchId() == null) {
      log.warn("The worker was sent something that is no request: {}", failure.error());
    } else {
      batches.markFailed(failure.batchId(), failure.error());
    }
  }
}
