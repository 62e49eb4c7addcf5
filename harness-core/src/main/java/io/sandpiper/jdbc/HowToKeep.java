package io.sandpiper.jdbc;

import io.sandpiper.SandboxPart;
import org.jspecify.annotations.Nullable;

/** Says with a failed test of isolation TRANSACTION how its rows can be kept. */
final class HowToKeep implements SandboxPart {

  @Override
  public void fence() {}

  @Override
  public void rollBack() {}

  @Override
  public String rollBackFailed() {
    return "The rows of this test were rolled back, so sandpiper.keep-failed has nothing to keep. To"
        + " look at them after a failure give it a database of its own:"
        + " @Sandboxed(isolation = Isolation.DATABASE).";
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
