package io.sandpiper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.URI;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StampedHostsTests {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://localhost",
        "http://LocalHost:8080/x",
        "https://127.0.0.1/x",
        "http://127.255.0.254:81",
        "http://[::1]:8080/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/"
      })
  void loopback_is_stamped_always(String uri) {
    assertThat(StampedHosts.of().include(URI.create(uri))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://example.org",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://127.0.0.256",
        "http://128.0.0.1",
        "http://10.0.0.1",
        "http://[::2]/",
        "http://localhost@example.org/",
        "http://example.org/?host=localhost",
        "http://example.org#localhost",
        "/relative"
      })
  void no_other_is_stamped_unasked(String uri) {
    assertThat(StampedHosts.of().include(URI.create(uri))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://worker:9000",
        "http://WORKER",
        "http://a.internal.test",
        "http://a.b.internal.test"
      })
  void named_hosts_and_those_below_a_suffix_are_stamped(String uri) {
    assertThat(StampedHosts.of("worker", " *.Internal.test").include(URI.create(uri))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://worker.org", "http://internal.test", "http://evilinternal.test"})
  void their_neighbours_are_not(String uri) {
    assertThat(StampedHosts.of("worker", "*.internal.test").include(URI.create(uri))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "*", "*.", "http://worker", "worker:9000", "*worker", "a.*.test"})
  void what_is_no_host_is_refused_with_the_property_to_change(String host) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> StampedHosts.of(host))
        .withMessageContaining("'" + host + "'")
        .withMessageContaining("sandpiper.http.hosts");
  }
}
