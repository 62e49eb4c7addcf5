package io.sandpiper.example;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

/** Asks the worker again where it has not answered for a while. */
@Component
class Reminder {

  private static final Logger log = LoggerFactory.getLogger(Reminder.class);

  private final BatchRepository batches;
  private final RabbitTemplate rabbit;
  private final ScoringQueues queues;
  private final Duration patience;

  Reminder(
      BatchRepository batches,
      RabbitTemplate rabbit,
      ScoringQueues queues,
      @Value("${scoring.reminder.patience}") Duration patience) {
    this.batches = batches;
    this.rabbit = rabbit;
    this.queues = queues;
    this.patience = patience;
  }

  @Scheduled(fixedDelayString = "${scoring.reminder.every}")
  void askAgain() {
    for (long batchId : batches.askedLongAgo(patience)) {
      log.info("Batch {} is not answered; the worker is asked again", batchId);
      rabbit.convertAndSend(queues.requests(), new ScoringRequest(batchId, batches.texts(batchId)));
    }
  }
}
