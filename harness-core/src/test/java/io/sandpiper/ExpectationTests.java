package io.sandpiper;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.sandpiper.Hop.Direction;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExpectationTests {

  private static Hop hop(Direction direction, @Nullable String exchange, byte[] body) {
    Hop.Content content =
        new Hop.Content(
            direction,
            "q",
            exchange == null ? null : new Hop.Route(exchange, "q"),
            Map.of("Content-Type", "json", "n", 7),
            body,
            Hop.Ids.NONE);
    return new Hop(1, Duration.ZERO, content, Attribution.SCOPE, null);
  }

  private static Hop json(String body) {
    return hop(Direction.RECEIVED, null, body.getBytes(StandardCharsets.UTF_8));
  }

  static Stream<Arguments> numbersThatAreEqual() {
    List<Object> values =
        List.of(42, 42L, 42.0, 42f, (short) 42, new BigDecimal("42.000"), BigInteger.valueOf(42));
    return Stream.of("42", "42.0", "4.2e1", "42.000000")
        .flatMap(body -> values.stream().map(value -> Arguments.of(body, value)));
  }

  @ParameterizedTest
  @MethodSource("numbersThatAreEqual")
  void numbers_are_compared_by_value(String body, Object value) {
    assertThat(received("q").json("/n", value).matches(json("{\"n\":" + body + "}"))).isTrue();
    assertThat(received("q").json("/n", value).matches(json("{\"n\":41}"))).isFalse();
    assertThat(received("q").json("/n", value).matches(json("{\"n\":\"" + body + "\"}"))).isFalse();
  }

  @Test
  void nested_values_are_compared_as_json() {
    Hop hop = json("{\"a\":[{\"n\":1.0,\"s\":\"x\"},null,true],\"o\":{\"p\":2,\"q\":[3]}}");
    assertThat(received("q").json("/a/0/n", 1L).matches(hop)).isTrue();
    assertThat(received("q").json("/a/0", Map.of("n", 1, "s", "x")).matches(hop)).isTrue();
    assertThat(received("q").json("/a/0", Map.of("n", 1)).matches(hop)).isFalse();
    assertThat(received("q").json("/o", Map.of("p", 2.0, "q", List.of(3L))).matches(hop)).isTrue();
    assertThat(received("q").json("/o/q", List.of(3, 4)).matches(hop)).isFalse();
    assertThat(received("q").json("/a/1", null).matches(hop)).isTrue();
    assertThat(received("q").json("/a/2", true).matches(hop)).isTrue();
    assertThat(received("q").json("/nowhere", null).matches(hop)).isFalse();
    assertThat(received("q").json("", Map.of()).matches(hop)).isFalse();
    assertThat(received("q").json("", 42).matches(json("42"))).isTrue();
  }

  @Test
  void mismatches_say_what_was_there() {
    Expectation expected = received("q").json("/id", 42).json("/x", "y");
    assertThat(expected.mismatches(json("{\"id\":41,\"x\":{\"n\":1}}")))
        .containsExactly("/id was 41", "/x was {\"n\":1}");
    assertThat(expected.mismatches(json("{}"))).containsExactly("/id was absent", "/x was absent");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "no json", "{\"id\":", "{} trailing", "\u0000"})
  void a_body_that_is_no_json_matches_no_pointer_and_says_so(String body) {
    Hop hop = json(body);
    assertThat(received("q").json("/id", 1).mismatches(hop))
        .containsExactly("the body was not JSON");
    assertThatIllegalStateException()
        .isThrownBy(hop::json)
        .withMessageContaining("The body of received q is not JSON");
  }

  @Test
  void a_body_of_any_bytes_is_harmless() {
    byte[] bytes = new byte[256];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (255 - i);
    }
    Hop hop = hop(Direction.RECEIVED, null, bytes);
    assertThat(received("q").json("/id", 1).matches(hop)).isFalse();
    assertThat(hop.body()).isEqualTo(bytes).isNotSameAs(bytes);
  }

  @Test
  void a_pointer_that_is_none_is_refused_at_once() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> received("q").json("batchId", 1))
        .withMessageContaining("batchId");
  }

  @Test
  void header_names_are_compared_without_case_and_values_as_text() {
    Hop hop = json("{}");
    assertThat(received("q").header("content-TYPE", "json").matches(hop)).isTrue();
    assertThat(received("q").header("n", 7L).matches(hop)).isTrue();
    assertThat(received("q").header("n", "8").mismatches(hop)).containsExactly("header n was 7");
    assertThat(received("q").header("m", "8").mismatches(hop))
        .containsExactly("header m was absent");
  }

  @Test
  void a_hop_is_looked_for_where_it_is_expected() {
    Hop in = json("{}");
    Hop out = hop(Direction.SENT, "x", new byte[0]);
    assertThat(received("q").matches(in)).isTrue();
    assertThat(received("r").matches(in)).isFalse();
    assertThat(received("q").matches(out)).isFalse();
    assertThat(sent("q").matches(out)).isTrue();
    assertThat(sent("x", "q").matches(out)).isTrue();
    assertThat(sent("y", "q").matches(out)).isFalse();
    assertThat(sent("x", "q").matches(hop(Direction.SENT, null, new byte[0]))).isFalse();
  }

  @Test
  void it_describes_itself() {
    assertThat(received("scoring.results").json("/batchId", 42))
        .hasToString("received on \"scoring.results\" where /batchId is 42");
    assertThat(received("POST /batches")).hasToString("received on \"POST /batches\"");
    assertThat(sent("k")).hasToString("sent \"k\"");
    assertThat(sent("x", "k").header("a", 1).matching("it is 100 %", hop -> true))
        .hasToString("sent to exchange \"x\" with \"k\" where header a is 1 and it is 100 %");
    assertThat(received("q").json("/s", "text").json("/o", Map.of("n", 1)))
        .hasToString("received on \"q\" where /s is \"text\" and /o is {\"n\":1}");
  }

  @Test
  void a_predicate_is_described_by_its_words() {
    Expectation expected = received("q").matching("it is small", hop -> hop.body().length < 3);
    assertThat(expected.matches(json("{}"))).isTrue();
    assertThat(expected.mismatches(json("{\"a\":1}")))
        .containsExactly("it was not so that it is small");
  }

  @Test
  void adding_a_condition_makes_another_expectation() {
    Expectation first = received("q");
    Expectation second = first.header("a", 1);
    Expectation third = first.header("b", 2);
    assertThat(first).hasToString("received on \"q\"");
    assertThat(second).hasToString("received on \"q\" where header a is 1");
    assertThat(third).hasToString("received on \"q\" where header b is 2");
  }
}
