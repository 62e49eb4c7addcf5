package io.sandpiper.example;

import jakarta.validation.Valid;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.AmqpException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/batches")
class BatchController {

  private final BatchService service;
  private final BatchRepository batches;

  BatchController(BatchService service, BatchRepository batches) {
    this.service = service;
    this.batches = batches;
  }

  record Accepted(long batchId) {}

  record BatchView(
      long id,
      @Nullable String name,
      Batch.State state,
      @Nullable String error,
      List<Item> items) {}

  @PostMapping
  @ResponseStatus(HttpStatus.ACCEPTED)
  Accepted submit(@Valid @RequestBody NewBatch batch) {
    return new Accepted(service.submit(batch));
  }

  @GetMapping("/{id}")
  ResponseEntity<BatchView> show(@PathVariable long id) {
    return ResponseEntity.of(batches.find(id).map(this::view));
  }

  private BatchView view(Batch batch) {
    return new BatchView(
        batch.id(), batch.name(), batch.state(), batch.error(), batches.items(batch.id()));
  }

  @ExceptionHandler
  ProblemDetail nameIsTaken(DuplicateKeyException e) {
    return ProblemDetail.forStatusAndDetail(
        HttpStatus.CONFLICT, "There is a batch of that name already.");
  }

  @ExceptionHandler
  ProblemDetail workerIsOutOfReach(AmqpException e) {
    return ProblemDetail.forStatusAndDetail(
        HttpStatus.SERVICE_UNAVAILABLE, "Batches cannot be scored at the moment.");
  }
}
