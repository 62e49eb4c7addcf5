package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import org.junit.jupiter.api.Test;

/** Run by {@link AgentTests} in a JVM that lets nobody attach to it. */
@Sandboxed(isolation = Isolation.NONE)
class RefusedWatching {

  @Test
  void says_what_to_do(Sandbox sandbox) {
    assertThatThrownBy(() -> sandbox.watch(RefusedWatching.class))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("-javaagent:")
        .hasMessageContaining("-XX:+EnableDynamicAgentLoading");
  }
}
