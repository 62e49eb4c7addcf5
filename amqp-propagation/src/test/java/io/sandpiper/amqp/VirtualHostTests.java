package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.rabbitmq.client.ConnectionFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VirtualHostTests {

  @Test
  void a_uri_says_everything() {
    assertThat(VirtualHost.parse("amqps://me:s%2Fec%2Bret+@broker:1234/a%2Fb"))
        .isEqualTo(new VirtualHost("broker", 1234, "me", "s/ec+ret+", "a/b", true));
  }

  @Test
  void what_a_uri_leaves_out_is_what_rabbitmq_has() {
    assertThat(VirtualHost.parse("amqp://broker"))
        .isEqualTo(new VirtualHost("broker", 5672, "guest", "guest", "/", false));
    assertThat(VirtualHost.parse("amqps://broker/").port()).isEqualTo(5671);
  }

  @Test
  void the_uri_is_one_that_the_client_reads_back() throws Exception {
    VirtualHost virtualHost = new VirtualHost("broker", 1, "m e", "p:@/+%", "a b/c+", false);

    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(virtualHost.uri());

    assertThat(VirtualHost.parse(virtualHost.uri())).isEqualTo(virtualHost);
    assertThat(factory.getUsername()).isEqualTo("m e");
    assertThat(factory.getPassword()).isEqualTo("p:@/+%");
    assertThat(factory.getVirtualHost()).isEqualTo("a b/c+");
  }

  @Test
  void the_password_is_not_shown() {
    assertThat(new VirtualHost("broker", 1, "me", "secret", "/", false))
        .hasToString("amqp://broker:1/%2F as me");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"http://broker", "broker:5672", "amqp:broker", "amqp://a/b/c", "amqp://a b"})
  void anything_else_is_refused(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> VirtualHost.parse(text));
  }
}
