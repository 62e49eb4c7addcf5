package io.sandpiper.example;

import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/** One text of a batch; without label and confidence until it is scored. */
record Item(long id, String text, @Nullable String label, @Nullable BigDecimal confidence) {

  boolean scored() {
    return label != null;
  }
}
