package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Hop.Content;
import io.sandpiper.Hop.Direction;
import io.sandpiper.Refusal.Reason;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** How a reply finds its test: by header, by baggage, by what it echoes. */
@ExtendWith(Schedules.class)
class CorrelationTests {

  private final Run run = Run.create();

  private Sandbox open(String name) {
    return run.open(Sandbox.Settings.of(name, Isolation.NONE, this));
  }

  private static Content content(
      Direction direction,
      Map<String, ? extends @Nullable Object> headers,
      @Nullable String correlationId,
      @Nullable String messageId) {
    return new Content(
        direction, "q", null, headers, new byte[0], new Hop.Ids(correlationId, messageId, null));
  }

  private static void send(
      Sandbox sandbox, @Nullable String correlationId, @Nullable String messageId) {
    sandbox.sent(content(Direction.SENT, Map.of(), correlationId, messageId));
  }

  private Arrival reply(@Nullable String correlationId) {
    return run.arrive(content(Direction.RECEIVED, Map.of(), correlationId, null), "listener q");
  }

  private static Sandbox owner(Arrival arrival) {
    assertThat(arrival).isInstanceOf(Arrival.Accepted.class);
    Work work = ((Arrival.Accepted) arrival).work();
    work.finish(null);
    return work.sandbox();
  }

  private static Attribution attribution(Sandbox sandbox) {
    List<Hop> received = sandbox.read(() -> sandbox.mailbox().going(Hop.Direction.RECEIVED));
    return received.get(received.size() - 1).attribution();
  }

  @Test
  void a_reply_comes_home_by_what_it_echoes() {
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    send(one, "c1", null);
    send(other, null, "m2");
    assertThat(owner(reply("c1"))).isSameAs(one);
    assertThat(attribution(one)).isEqualTo(Attribution.CORRELATION_ID);
    assertThat(owner(reply("m2"))).isSameAs(other);
    assertThat(attribution(other)).isEqualTo(Attribution.MESSAGE_ID);
    assertThat(reply("c3")).isInstanceOf(Arrival.Unknown.class);
    assertThat(reply(null)).isInstanceOf(Arrival.Unknown.class);
  }

  @Test
  void a_reply_that_echoes_nothing_comes_home_by_the_address_that_only_one_open_test_gave() {
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    askForReplyTo(one, "q");
    assertThat(owner(reply(null))).isSameAs(one);
    assertThat(attribution(one)).isEqualTo(Attribution.REPLY_ADDRESS);

    askForReplyTo(other, "q");
    assertThat(reply(null)).isInstanceOf(Arrival.Unknown.class);

    run.end(one, null);
    assertThat(owner(reply("unknown"))).isSameAs(other);
    run.end(other, null);
    assertThat(reply(null)).isInstanceOf(Arrival.Unknown.class);
  }

  private static void askForReplyTo(Sandbox sandbox, String address) {
    sandbox.sent(
        new Content(
            Direction.SENT, "r", null, Map.of(), new byte[0], new Hop.Ids(null, null, address)));
  }

  @Test
  void the_header_goes_before_baggage_and_baggage_before_the_correlation_id() {
    Sandbox byHeader = open("T.header");
    Sandbox byBaggage = open("T.baggage");
    Sandbox byCorrelation = open("T.correlation");
    send(byCorrelation, "c", null);
    Map<String, Object> headers = new HashMap<>();
    headers.put("baggage", "a=b,test.id=" + byBaggage.id().value());
    assertThat(owner(run.arrive(content(Direction.RECEIVED, headers, "c", null), "h")))
        .isSameAs(byBaggage);
    assertThat(attribution(byBaggage)).isEqualTo(Attribution.BAGGAGE);
    headers.put("x-test-id", byHeader.id().value());
    assertThat(owner(run.arrive(content(Direction.RECEIVED, headers, "c", null), "h")))
        .isSameAs(byHeader);
    assertThat(attribution(byHeader)).isEqualTo(Attribution.OWN_HEADER);
    headers.put("x-test-id", "not ours");
    headers.remove("baggage");
    assertThat(owner(run.arrive(content(Direction.RECEIVED, headers, "c", null), "h")))
        .isSameAs(byCorrelation);
  }

  @Test
  void a_bad_header_is_refused_even_where_the_correlation_id_is_known() {
    Sandbox sandbox = open("T.one");
    send(sandbox, "c", null);
    Arrival arrival =
        run.arrive(content(Direction.RECEIVED, Map.of("x-test-id", "sp1.bad"), "c", null), "h");
    assertThat(arrival).isInstanceOf(Arrival.Refused.class);
    assertThat(sandbox.read(() -> sandbox.mailbox().going(Hop.Direction.RECEIVED))).isEmpty();
  }

  @Test
  void a_test_that_sends_the_same_id_twice_is_not_ambiguous() {
    Sandbox sandbox = open("T.one");
    send(sandbox, "c", "c");
    send(sandbox, "c", null);
    assertThat(owner(reply("c"))).isSameAs(sandbox);
    run.end(sandbox, null);
    assertThat(reply("c")).isInstanceOf(Arrival.Unknown.class);
  }

  @RepeatedTest(50)
  void a_reply_is_taken_by_its_only_sender_and_by_nobody_where_there_are_several(Random random) {
    List<Sandbox> open = new ArrayList<>();
    Map<String, Set<Sandbox>> senders = new HashMap<>();
    for (int step = 0; step < 200; step++) {
      int what = random.nextInt(10);
      String key = "c" + random.nextInt(4);
      if (open.isEmpty() || what < 3) {
        open.add(open("T.test" + step));
      } else if (what < 6) {
        Sandbox sender = Schedules.oneOf(random, open);
        send(sender, key, null);
        senders.computeIfAbsent(key, none -> new HashSet<>()).add(sender);
      } else if (what < 8) {
        Sandbox ended = open.remove(random.nextInt(open.size()));
        run.end(ended, null);
        senders.values().forEach(of -> of.remove(ended));
      }
      Arrival arrival = reply(key);
      Set<Sandbox> possible = senders.getOrDefault(key, Set.of());
      switch (possible.size()) {
        case 0 -> assertThat(arrival).isInstanceOf(Arrival.Unknown.class);
        case 1 -> assertThat(owner(arrival)).isSameAs(possible.iterator().next());
        default -> {
          assertThat(arrival).isInstanceOf(Arrival.Refused.class);
          assertThat(((Arrival.Refused) arrival).refusal().reason()).isEqualTo(Reason.AMBIGUOUS);
        }
      }
    }
  }

  @Test
  void nothing_of_a_sandbox_is_retained_after_its_end() {
    List<WeakReference<Sandbox>> ended = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Sandbox sandbox = open("T.test" + i);
      send(sandbox, "c" + i, "m" + i);
      send(sandbox, "shared", null);
      owner(reply("c" + i));
      ended.add(new WeakReference<>(sandbox));
      run.end(sandbox, null);
    }
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (ended.stream().anyMatch(one -> one.get() != null) && System.nanoTime() < deadline) {
      System.gc();
    }
    assertThat(ended).allMatch(one -> one.get() == null);
  }
}
