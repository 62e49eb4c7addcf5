package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunResourcesTests {

  private final RunResources resources = new RunResources();
  private final List<String> closed = new ArrayList<>();

  private record Server(Runnable closing) implements AutoCloseable {
    @Override
    public void close() {
      closing.run();
    }
  }

  private record Client(Runnable closing) implements AutoCloseable {
    @Override
    public void close() {
      closing.run();
      throw new IllegalStateException("as if it could not be closed");
    }
  }

  @Test
  void what_came_later_is_closed_earlier_and_what_uses_it_before() {
    Server server = resources.get(Server.class, () -> new Server(() -> closed.add("server")));
    resources.get(Client.class, () -> new Client(() -> closed.add("client")));
    assertThat(resources.get(Server.class, () -> new Server(() -> {}))).isSameAs(server);
    resources.before(
        () -> {
          assertThat(resources.get(Server.class, () -> new Server(() -> {}))).isSameAs(server);
          closed.add("what uses them");
        });
    resources.exit();
    assertThat(closed).containsExactly("what uses them", "client", "server");
  }
}
