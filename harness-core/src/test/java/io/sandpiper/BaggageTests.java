package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class BaggageTests {

  private final TestId id = Ids.random(null).issue(1);

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "test.id=sp1.x",
        "userId=alice,test.id=sp1.x",
        "test.id=sp1.x,userId=alice",
        "\"userId=alice , test.id = sp1.x , a=b\"",
        "test.id=sp1.x;metadata",
        "\"test.id=sp1.x ; ttl=30;secure , a=b\"",
        "\"a=b;test.id=no,test.id=sp1.x\"",
        "\",,test.id=sp1.x,,\"",
        "\"\ttest.id\t=\tsp1.x\t\"",
        "test.id=sp1%2Ex",
        "test.id=%73p1%2ex"
      })
  void our_member_is_found_among_others(String header) {
    assertThat(Baggage.read(header)).isEqualTo("sp1.x");
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(
      strings = {"", " ", ",", "=", "test.id", "=test.id", "test.idx=1", "xtest.id=1", "TEST.ID=1"})
  void without_our_member_there_is_none(@Nullable String header) {
    assertThat(Baggage.read(header)).isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"sp1.%", "sp1.%2", "sp1.%zz", "sp1.a+b"})
  void what_cannot_be_decoded_is_left_as_it_is(String value) {
    assertThat(Baggage.read("test.id=" + value)).isEqualTo(value);
  }

  @Test
  void what_is_written_can_be_read() {
    assertThat(Baggage.read(Baggage.write(null, id, null))).isEqualTo(id.value());
    assertThat(Baggage.read(Baggage.write("a=b", id, null))).isEqualTo(id.value());
  }

  @Test
  void members_of_others_stay_as_they_are() {
    assertThat(Baggage.write("userId=al%20ice;ttl=30, flag = on ;p", id, null))
        .isEqualTo("userId=al%20ice;ttl=30,flag = on ;p,test.id=" + id.value());
  }

  @Test
  void our_member_is_replaced_and_empty_ones_are_dropped() {
    assertThat(Baggage.write("test.id=sp1.old;p,a=b,, ,test.id=sp1.older", id, null))
        .isEqualTo("a=b,test.id=" + id.value());
  }

  @Test
  void a_carrier_is_stamped_with_header_and_baggage() {
    Run run = Run.create();
    Sandbox sandbox = run.open(Sandbox.Settings.of("T.t", Isolation.NONE, this));
    String stamp = sandbox.id().value();
    Map<String, String> carrier = new LinkedHashMap<>();
    carrier.put("x-test-id", "something else");
    Propagation.inject(sandbox, "a=b", carrier::put);
    run.end(sandbox, null);
    assertThat(carrier)
        .containsExactly(
            Map.entry("x-test-id", stamp), Map.entry("baggage", "a=b,test.id=" + stamp));
  }

  @Test
  void the_name_of_a_database_stands_beside_the_id() {
    assertThat(Baggage.write("a=b", id, "sp_c_1f_2"))
        .isEqualTo("a=b,test.id=" + id.value() + ",test.db=sp_c_1f_2");
  }

  @Test
  void a_name_that_baggage_cannot_hold_is_percent_encoded() {
    assertThat(Baggage.write(null, id, "a b,c=\"é\";%+"))
        .endsWith(",test.db=a%20b%2Cc%3D%22%C3%A9%22%3B%25%2B");
  }

  @Test
  void the_name_of_another_database_is_not_passed_on() {
    assertThat(Baggage.write("test.db=other, test.db = third;p,test.dbx=1", id, null))
        .isEqualTo("test.dbx=1,test.id=" + id.value());
    assertThat(Baggage.write("test.db=other,a=b", id, "sp_c_1f_2"))
        .isEqualTo("a=b,test.id=" + id.value() + ",test.db=sp_c_1f_2");
  }

  @Test
  void the_name_of_a_database_is_no_id() {
    assertThat(Baggage.read("test.db=sp_c_1f_2")).isNull();
    assertThat(Baggage.read("test.db=sp_c_1f_2,test.id=sp1.x")).isEqualTo("sp1.x");
  }
}
