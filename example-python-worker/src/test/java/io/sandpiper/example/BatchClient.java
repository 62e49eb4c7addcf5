package io.sandpiper.example;

import java.util.List;
import org.springframework.core.env.Environment;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.web.client.RestClient;

/** What clients of the service do, for tests. */
@Component
class BatchClient {

  private final RestClient http;
  private final Environment environment;

  BatchClient(RestClient.Builder http, Environment environment) {
    this.http = http.build();
    this.environment = environment;
  }

  /** Submits a batch and returns its id. */
  long submit(String... texts) {
    return submit(new NewBatch(null, List.of(texts)));
  }

  long submit(NewBatch batch) {
    return http.post()
        .uri(url())
        .contentType(MediaType.APPLICATION_JSON)
        .body(batch)
        .retrieve()
        .requiredBody(BatchController.Accepted.class)
        .batchId();
  }

  BatchController.BatchView show(long batchId) {
    return http.get()
        .uri(url() + "/" + batchId)
        .retrieve()
        .requiredBody(BatchController.BatchView.class);
  }

  /** Known only when the server has started, which is after this is made. */
  private String url() {
    return "http://localhost:" + environment.getRequiredProperty("local.server.port") + "/batches";
  }
}
