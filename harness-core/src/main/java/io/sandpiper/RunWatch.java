package io.sandpiper;

import java.util.List;

/**
 * Looks after what no single sandbox can see, such as effects that outlive all of them.
 *
 * <p>Methods may be called from any thread.
 */
public interface RunWatch {

  /** Called when a sandbox has opened, before anything works in it. Does not throw. */
  void opened(Sandbox sandbox);

  /** Called at the end of the run: what it has found since the last call, a text for each. */
  List<String> findings();
}
