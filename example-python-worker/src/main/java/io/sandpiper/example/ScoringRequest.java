package io.sandpiper.example;

import java.util.List;

/** What the worker is asked: to score each of these texts. */
record ScoringRequest(long batchId, List<Text> items) {

  record Text(long id, String text) {}
}
