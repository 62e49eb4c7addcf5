package io.sandpiper.example;

import java.math.BigDecimal;
import java.util.List;

/** What the worker answers. */
record ScoringResult(long batchId, List<Score> items) {

  record Score(long id, String label, BigDecimal confidence) {}
}
