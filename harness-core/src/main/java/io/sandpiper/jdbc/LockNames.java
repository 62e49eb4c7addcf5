package io.sandpiper.jdbc;

import io.sandpiper.Journal;
import io.sandpiper.Sandbox;
import io.sandpiper.jdbc.LockWait.Blocker;
import io.sandpiper.jdbc.LockWatch.Waits;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Who stands in the way of one connection, in the words of tests instead of processes. */
final class LockNames {

  static final String UNKNOWN_LOCK = "a row or key";
  private static final int STATEMENTS = 3;

  private final SandboxConnection waiter;
  private final Map<Integer, SandboxConnection> owners;
  private final Set<Integer> sure;
  private final LockObserver observer;

  /**
   * Names of one time.
   *
   * @param owners the sandboxes' connections at that time, by process
   */
  LockNames(
      SandboxConnection waiter, LockObserver observer, Map<Integer, SandboxConnection> owners) {
    this(waiter, observer, owners, Set.of());
  }

  private LockNames(
      SandboxConnection waiter,
      LockObserver observer,
      Map<Integer, SandboxConnection> owners,
      Set<Integer> sure) {
    this.waiter = waiter;
    this.owners = owners;
    this.sure = sure;
    this.observer = observer;
  }

  /** The same, where some processes have not passed from one test to another just now. */
  LockNames surelyOf(Set<Integer> processes) {
    return new LockNames(waiter, observer, owners, processes);
  }

  /** "T.test (test id 7k3f-000042)", or what else a process was just now. */
  String name(int pid) {
    SandboxConnection owner = owner(pid);
    if (hasPassedOn(pid)) {
      String before = waiter.justEnded(pid) + ", which has ended since";
      return owner == null ? before : "one of %s, and %s".formatted(before, name(owner));
    }
    if (owner != null) {
      return name(owner);
    }
    try {
      return outside(observer.session(pid));
    } catch (SQLException unknown) {
      return outside("process " + pid);
    }
  }

  /** Whether a process may have worked for another test until just now. */
  boolean hasPassedOn(int pid) {
    SandboxConnection owner = owner(pid);
    String before = waiter.justEnded(pid);
    return before != null
        && owner != waiter
        && (owner == null || !(sure.contains(pid) || before.equals(name(owner))));
  }

  private String name(Blocker blocker) {
    SandboxConnection owner = owner(blocker.pid());
    return owner == null ? outside(blocker.description()) : name(owner);
  }

  private static String outside(String description) {
    return "a session outside the sandboxes (%s)".formatted(description);
  }

  private String name(SandboxConnection owner) {
    String test = test(owner.sandbox());
    return owner.sandbox() == waiter.sandbox() && owner != waiter
        ? test + " itself, on its connection of another DataSource"
        : test;
  }

  static String test(Sandbox sandbox) {
    return "%s (test id %s)".formatted(sandbox.testName(), sandbox.id());
  }

  private @Nullable SandboxConnection owner(int pid) {
    return owners.get(pid);
  }

  /** Tells the journals of both sides. */
  void note(Waits waits) {
    LockWait wait = waits.first();
    waiter.sandbox().journal().note("waits for " + sentence(wait, null) + ": " + wait.statement());
    for (Blocker blocker : wait.blockers()) {
      SandboxConnection owner = owner(blocker.pid());
      if (owner != null && owner.sandbox() != waiter.sandbox()) {
        owner
            .sandbox()
            .journal()
            .note("keeps %s waiting for %s".formatted(test(waiter.sandbox()), lock(wait, null)));
      }
    }
  }

  /** "row {…} of item, held by T.test (test id …)". */
  String sentence(LockWait wait, @Nullable String lock) {
    return lock(wait, lock)
        + wait.blockers().stream()
            .collect(
                Collectors.groupingBy(
                    blocker -> how(wait, blocker),
                    LinkedHashMap::new,
                    Collectors.mapping(this::name, Collectors.joining(" and "))))
            .entrySet()
            .stream()
            .map(group -> ", %s %s".formatted(group.getKey(), group.getValue()))
            .collect(Collectors.joining());
  }

  private static String lock(LockWait wait, @Nullable String known) {
    String seen = known != null ? known : wait.lock();
    return (seen == null ? UNKNOWN_LOCK : seen)
        + (wait.isForTransaction() ? "" : " (%s)".formatted(wait.mode()));
  }

  /** Who has the lock of a tuple is only the first in the queue for its row. */
  private static String how(LockWait wait, Blocker blocker) {
    return switch (wait.kind()) {
      case "tuple" -> "queued behind";
      case "relation" ->
          blocker.holds() == null ? "queued behind" : "held (%s) by".formatted(blocker.holds());
      default -> "held by";
    };
  }

  /** One line for each session behind the first wait that waits for another one itself. */
  List<String> chain(Waits waits) {
    Map<Integer, String> lines = new LinkedHashMap<>();
    follow(waits.first(), waits.others(), lines, new HashSet<>(Set.of(waits.first().pid())));
    return List.copyOf(lines.values());
  }

  private void follow(
      LockWait wait, Map<Integer, LockWait> all, Map<Integer, String> lines, Set<Integer> passed) {
    for (Blocker blocker : wait.blockers()) {
      LockWait next = all.get(blocker.pid());
      if (next != null && passed.add(blocker.pid())) {
        lines.put(
            blocker.pid(),
            "%s waits itself for %s: %s"
                .formatted(name(blocker), sentence(next, null), next.statement()));
        follow(next, all, lines, passed);
      }
    }
  }

  private static boolean isRefusal(Journal.Entry entry) {
    return entry.text().startsWith("refused: ");
  }

  /** What the tests in the way have done to a relation last, one line each. */
  List<String> statements(LockWait wait, @Nullable String relation) {
    if (relation == null) {
      return List.of();
    }
    String name = relation.substring(relation.lastIndexOf('.') + 1).replace("\"", "");
    Pattern mention =
        Pattern.compile("(?<!\\w)" + Pattern.quote(name) + "(?!\\w)", Pattern.CASE_INSENSITIVE);
    return wait.blockers().stream()
        .map(blocker -> owner(blocker.pid()))
        .filter(owner -> owner != null)
        .flatMap(
            owner -> {
              List<Journal.Entry> found =
                  owner.sandbox().journal().entries().stream()
                      .filter(entry -> !entry.who().equals("harness") && !isRefusal(entry))
                      .filter(entry -> mention.matcher(entry.text()).find())
                      .toList();
              return found.subList(Math.max(0, found.size() - STATEMENTS), found.size()).stream()
                  .map(entry -> "%s: %s".formatted(owner.sandbox().testName(), entry));
            })
        .toList();
  }
}
