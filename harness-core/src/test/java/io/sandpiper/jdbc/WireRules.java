package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.jdbc.WireTap.Conversation;
import io.sandpiper.jdbc.WireTap.Sent;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What has to be true of everything that was sent, whatever the harness says of itself. */
final class WireRules {

  private static final String CLONE = "sp_c_";

  private final Map<Long, SandboxModel> models;
  private final Map<Long, Conversation> connectionOfSandbox = new HashMap<>();
  private final Map<Integer, Conversation> connectionOfHandle = new HashMap<>();
  private final Map<String, Long> sandboxOfDatabase = new HashMap<>();

  private WireRules(List<SandboxModel> models) {
    this.models =
        models.stream().collect(Collectors.toMap(SandboxModel::number, Function.identity()));
  }

  static void check(WireTap tap, List<SandboxModel> models) {
    WireRules rules = new WireRules(models);
    int tagged = 0;
    for (Conversation conversation : tap.conversations()) {
      tagged +=
          conversation.database().startsWith(CLONE)
              ? rules.checkClone(conversation)
              : rules.checkShared(conversation);
    }
    assertThat(tagged).as("statements that were seen").isGreaterThan(models.size());
  }

  /** The databases of tests that were connected to. */
  static List<String> clones(WireTap tap) {
    return tap.conversations().stream()
        .map(Conversation::database)
        .filter(name -> name.startsWith(CLONE))
        .distinct()
        .toList();
  }

  /** A connection that sandboxes have one after the other: each has one transaction of it. */
  private int checkShared(Conversation conversation) {
    int seen = 0;
    boolean open = false;
    Long owner = null;
    for (Sent sent : conversation.sent()) {
      Tag tag = Tag.of(sent.sql());
      if (tag != null) {
        seen++;
        SandboxModel model = common(tag, sent, conversation);
        assertThat(model.isTransaction()).as("%s", sent).isTrue();
        assertThat(RandomUnit.REFUSED).as("refused texts").noneMatch(sent.sql()::endsWith);
        assertThat(open).as("outside a transaction: %s", sent).isTrue();
        assertThat(owner == null || owner == tag.sandbox())
            .as("in the transaction of sandbox %s: %s", owner, sent)
            .isTrue();
        assertThat(connectionOfSandbox.putIfAbsent(tag.sandbox(), conversation))
            .as("a second connection or transaction of a sandbox: %s", sent)
            .isIn(null, owner == null ? null : conversation);
        owner = tag.sandbox();
      } else if (sent.sql().startsWith("BEGIN")) {
        assertThat(open).as("a transaction in another: %s", sent).isFalse();
        open = true;
      } else if (isEnd(sent.sql())) {
        open = false;
        owner = null;
      } else if (sent.sql().equals(FrontendMessages.FASTPATH)) {
        assertThat(open).as("a call outside a transaction, after %s", sent).isTrue();
      } else {
        assertThat(owner == null || !sent.sql().startsWith("COMMIT"))
            .as("a commit of sandbox %s: %s", owner, sent)
            .isTrue();
      }
    }
    return seen;
  }

  private static boolean isEnd(String sql) {
    return sql.equals("ROLLBACK") || sql.startsWith("ROLLBACK;");
  }

  /** A connection to the database of one test. */
  private int checkClone(Conversation conversation) {
    int seen = 0;
    for (Sent sent : conversation.sent()) {
      Tag tag = Tag.of(sent.sql());
      if (tag != null) {
        seen++;
        common(tag, sent, conversation);
        Long other = sandboxOfDatabase.putIfAbsent(conversation.database(), tag.sandbox());
        assertThat(other == null || other == tag.sandbox())
            .as("in the database of sandbox %s: %s", other, sent)
            .isTrue();
      }
    }
    return seen;
  }

  private SandboxModel common(Tag tag, Sent sent, Conversation conversation) {
    SandboxModel model = models.get(tag.sandbox());
    if (model == null) {
      throw new AssertionError("Nobody's: " + sent);
    }
    if (tag.handle() > 0) {
      assertThat(connectionOfHandle.putIfAbsent(tag.handle(), conversation))
          .as("a second physical connection of a handle: %s", sent)
          .isIn(null, conversation);
    }
    @Nullable Long end = model.endedAt;
    assertThat(end != null && sent.sequence() <= end)
        .as("after the end of %s: %s", model.sandbox, sent)
        .isTrue();
    return model;
  }
}
