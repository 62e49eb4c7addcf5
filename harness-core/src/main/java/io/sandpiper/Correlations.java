package io.sandpiper;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which open sandboxes sent which correlation and message ids. */
final class Correlations {

  private record Sender(Sandbox sandbox, Attribution attribution) {}

  private final Map<String, List<Sender>> senders = new ConcurrentHashMap<>();

  void put(String key, Sandbox sandbox, Attribution attribution) {
    senders.merge(
        key,
        List.of(new Sender(sandbox, attribution)),
        (known, added) ->
            known.stream().anyMatch(sender -> sender.sandbox() == sandbox)
                ? known
                : Stream.concat(known.stream(), added.stream()).toList());
  }

  void removeAll(List<String> keys, Sandbox sandbox) {
    for (String key : keys) {
      senders.computeIfPresent(
          key,
          (same, known) -> {
            List<Sender> left =
                known.stream().filter(sender -> sender.sandbox() != sandbox).toList();
            return left.isEmpty() ? null : left;
          });
    }
  }

  Recognition find(@Nullable String key) {
    List<Sender> found = key == null ? null : senders.get(key);
    if (found == null) {
      return Recognition.NONE;
    }
    Sender sender = found.get(0);
    return found.size() == 1
        ? new Recognition.Owned(sender.sandbox(), sender.attribution())
        : new Recognition.Refused(Refusal.ambiguous());
  }
}
