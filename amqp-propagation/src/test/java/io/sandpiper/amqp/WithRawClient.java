package io.sandpiper.amqp;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/** Tests that share a broker and its clients. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class WithRawClient {

  RawClient client;

  @BeforeAll
  void startClient() throws Exception {
    client = RawClient.start();
  }

  @AfterAll
  void stopClient() throws Exception {
    client.close();
  }
}
