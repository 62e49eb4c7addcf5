package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Hop.Content;
import io.sandpiper.Refusal.Reason;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of the values that may stand in the header of a test id. */
class TestIdTests {

  private static final String ALLOWED = "[A-Za-z0-9._~-]{1,64}";

  private final Run run = new Run(Ids.random("a key"));
  private final Sandbox sandbox = open(run);

  private Sandbox open(Run in) {
    return in.open(Sandbox.Settings.of("T.waits", Isolation.NONE, this));
  }

  private Arrival arrive(@Nullable Object id) {
    return arrive(run, id);
  }

  private static Arrival arrive(Run at, @Nullable Object id) {
    Map<String, ? extends @Nullable Object> headers =
        id == null ? Map.of() : Map.of(Propagation.HEADER, id);
    return at.arrive(
        new Content(Hop.Direction.RECEIVED, "q", null, headers, new byte[0], Hop.Ids.NONE),
        "listener q");
  }

  private static Refusal refusal(Arrival arrival) {
    assertThat(arrival).isInstanceOf(Arrival.Refused.class);
    return ((Arrival.Refused) arrival).refusal();
  }

  @Test
  void an_id_of_an_open_test_is_accepted_by_its_sandbox() {
    Arrival arrival = arrive(sandbox.id().value());
    assertThat(arrival).isInstanceOf(Arrival.Accepted.class);
    assertThat(((Arrival.Accepted) arrival).work().sandbox()).isSameAs(sandbox);
  }

  @Test
  void a_header_may_be_of_a_type_that_only_reads_as_text() {
    CharSequence text = new StringBuilder(sandbox.id().value());
    assertThat(arrive(text)).isInstanceOf(Arrival.Accepted.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "42",
        "sp1",
        "sp2.abc.000001.mac",
        "SP1.abc.000001.mac",
        " sp1.abc.000001.mac",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      })
  void a_value_that_does_not_begin_like_an_id_is_not_ours(String value) {
    assertThat(arrive(value)).isInstanceOf(Arrival.Unknown.class);
  }

  static Stream<String> malformed() {
    return Stream.of(
        "sp1.",
        "sp1..",
        "sp1...",
        "sp1.abc",
        "sp1.abc.1",
        "sp1.abc.1.",
        "sp1..1.mac",
        "sp1.abc..mac",
        "sp1.abc.x.mac",
        "sp1.abc.-1.mac",
        "sp1.abc.+1.mac",
        "sp1.abc.1.2.mac",
        "sp1.abc.1.mac.",
        "sp1.ABC.1.mac",
        "sp1.abc.1.mac\n",
        "sp1.abc.1.mac\r\nX-Injected: 1",
        "sp1.abc.1.mac ",
        "sp1.abc.1.m\u0000c",
        "sp1.abc.1.m\u00e4c",
        "sp1.abc.\u0661\u0662.mac",
        "sp1.abc.\uff11.mac",
        "sp1.abc.1.mac,sp1.abc.1.mac",
        "sp1.abc.9999999999999999999.mac",
        "sp1.abc." + "9".repeat(400) + ".mac",
        "sp1." + "a".repeat(17) + ".1.mac",
        "sp1.abc.1." + "m".repeat(33),
        "sp1.aaaaaaaaaaaaaaaa.111111111111111111." + "m".repeat(32),
        "sp1." + "\ud83d\udc26".repeat(10_000));
  }

  @ParameterizedTest
  @MethodSource("malformed")
  void a_value_that_begins_like_an_id_and_is_none_is_malformed(String value) {
    Refusal refusal = refusal(arrive(value));
    assertThat(refusal.reason()).isEqualTo(Reason.MALFORMED);
    assertThat(refusal.message()).doesNotContain("abc").doesNotContain("mac");
    assertThat(run.refusals(Reason.MALFORMED)).isOne();
  }

  @Test
  void an_id_with_any_character_changed_is_refused() {
    String good = sandbox.id().value();
    for (int at = TestId.PREFIX.length(); at < good.length(); at++) {
      for (char other : new char[] {'0', 'a', 'Z', '-', '.', '\n', '\u0661'}) {
        if (good.charAt(at) == other) {
          continue;
        }
        String changed = good.substring(0, at) + other + good.substring(at + 1);
        Refusal refusal = refusal(arrive(changed));
        assertThat(refusal.reason())
            .as(changed)
            .isIn(Reason.FORGED, Reason.MALFORMED, Reason.STRAY);
        if (at >= good.lastIndexOf('.') + 1 && Character.toString(other).matches("[0aZ-]")) {
          assertThat(refusal.reason()).as(changed).isEqualTo(Reason.FORGED);
          assertThat(refusal.id()).isEqualTo(sandbox.id().toString());
        }
      }
    }
  }

  static Stream<Arguments> otherSequences() {
    return Stream.of(Arguments.of("2"), Arguments.of("000002"), Arguments.of("000000"));
  }

  @ParameterizedTest
  @MethodSource("otherSequences")
  void the_mac_of_one_test_is_forged_for_another(String sequence) {
    String[] parts = sandbox.id().value().split("\\.");
    assertThat(refusal(arrive("sp1." + parts[1] + "." + sequence + "." + parts[3])).reason())
        .isEqualTo(Reason.FORGED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "0000001", "00001", "000000000000000001"})
  void a_sequence_with_other_leading_zeros_is_forged(String sequence) {
    String[] parts = sandbox.id().value().split("\\.");
    assertThat(refusal(arrive("sp1." + parts[1] + "." + sequence + "." + parts[3])).reason())
        .isEqualTo(Reason.FORGED);
  }

  @Test
  void an_id_of_another_run_is_a_stray_also_with_the_same_key() {
    Run other = new Run(Ids.random("a key"));
    Refusal refusal = refusal(arrive(open(other).id().value()));
    assertThat(refusal.reason()).isEqualTo(Reason.STRAY);
    assertThat(refusal.message()).contains(other.name() + "-000001").contains("another run");
  }

  @Test
  void an_id_of_an_ended_test_is_late_and_names_it() {
    run.end(sandbox, null);
    Refusal refusal = refusal(arrive(sandbox.id().value()));
    assertThat(refusal.reason()).isEqualTo(Reason.LATE);
    assertThat(refusal.test()).isEqualTo("T.waits");
    assertThat(refusal.message())
        .matches("Test id \\w{6}-000001 is late: T.waits ended \\d+ ms ago. Await .*");
    assertThat(run.refusals(Reason.LATE)).isOne();
  }

  @Test
  void while_a_test_ends_its_id_is_late_and_names_it() {
    List<Refusal> refused = new ArrayList<>();
    sandbox.part(
        "part",
        () ->
            new SandboxPart() {
              @Override
              public void fence() {}

              @Override
              public void rollBack() {
                refused.add(refusal(arrive(sandbox.id().value())));
              }

              @Override
              public @Nullable String heldUpBy(Thread thread) {
                return null;
              }
            });
    run.end(sandbox, null);
    assertThat(refused).singleElement().extracting(Refusal::reason).isEqualTo(Reason.LATE);
    assertThat(refused.get(0).test()).isEqualTo("T.waits");
  }

  @Test
  void the_same_secret_gives_the_same_key_to_another_jvm() {
    Ids here = Ids.random("shared");
    Ids there = new Ids(here.run(), Ids.random("shared").key());
    assertThat(there.issue(7)).isEqualTo(here.issue(7));
    assertThat(new Ids(here.run(), Ids.random("other").key()).issue(7)).isNotEqualTo(here.issue(7));
    assertThat(new Ids(here.run(), Ids.random(null).key()).issue(7)).isNotEqualTo(here.issue(7));
  }

  @Test
  void a_blank_secret_is_none() {
    Ids one = Ids.random("");
    assertThat(new Ids(one.run(), Ids.random(" ").key()).issue(7)).isNotEqualTo(one.issue(7));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 42, 999_999, 1_000_000, 999_999_999_999_999_999L})
  void an_id_is_short_and_of_the_allowed_characters(long sequence) {
    TestId id = Ids.random(null).issue(sequence);
    assertThat(id.value()).matches(ALLOWED).startsWith("sp1.");
    assertThat(id.toString()).isEqualTo("%s-%06d".formatted(id.run(), sequence));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"ar-EG-u-nu-arab", "hi-IN-u-nu-deva", "fa-IR", "tr-TR", "th-TH-u-nu-thai"})
  void an_id_is_the_same_in_every_locale(String tag) {
    Ids ids = Ids.random(null);
    TestId expected = ids.issue(42);
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag(tag));
    try {
      assertThat(ids.issue(42)).isEqualTo(expected);
      assertThat(ids.issue(42).toString()).isEqualTo(expected.toString()).endsWith("-000042");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void no_text_shows_the_mac_or_the_key() {
    String mac = sandbox.id().value().substring(sandbox.id().value().lastIndexOf('.') + 1);
    Refusal forged =
        refusal(arrive(sandbox.id().value().substring(0, sandbox.id().value().length() - 1) + "~"));
    String stray = refusal(arrive(new Run(Ids.random(null)), sandbox.id().value())).message();
    ((Arrival.Accepted) arrive(sandbox.id().value())).work().finish(null);
    run.end(sandbox, null);
    Refusal late = refusal(arrive(sandbox.id().value()));
    assertThat(mac).hasSizeGreaterThan(8);
    assertThat(
            Stream.of(
                sandbox.id().toString(),
                sandbox.toString(),
                sandbox.journal().toString(),
                forged.message(),
                forged.toString(),
                late.message(),
                late.toString(),
                stray))
        .allSatisfy(text -> assertThat(text).doesNotContain(mac.substring(0, mac.length() - 1)));
    Ids ids = Ids.random("a key");
    assertThat(ids.toString())
        .doesNotContain("a key")
        .doesNotContain(Base64.getEncoder().encodeToString(ids.key().getEncoded()));
  }
}
