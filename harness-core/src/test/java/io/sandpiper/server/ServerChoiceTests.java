package io.sandpiper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.Map;
import org.junit.jupiter.api.Test;

class ServerChoiceTests {

  @Test
  void a_configured_server_comes_before_all_others() {
    assertThat(start(true, Map.of("sandpiper.things.url", "thing://there")))
        .isEqualTo("configured thing://there");
  }

  @Test
  void a_container_is_started_where_docker_answers() {
    assertThat(start(true, Map.of())).isEqualTo("container");
  }

  @Test
  void the_embedded_server_is_started_where_docker_does_not_answer() {
    assertThat(start(false, Map.of())).isEqualTo("embedded");
  }

  @Test
  void the_embedded_server_stands_in_for_a_container_that_does_not_start() {
    ServerChoice choice = choice(true, Map.of());

    String server = choice.start(url -> url, ServerChoiceTests::failingContainer, () -> "embedded");

    assertThat(server).isEqualTo("embedded");
  }

  @Test
  void a_kind_can_be_forced() {
    assertThat(start(true, Map.of("sandpiper.things.server", "embedded"))).isEqualTo("embedded");
    assertThat(start(true, Map.of("sandpiper.things.server", "container"))).isEqualTo("container");
  }

  @Test
  void a_forced_container_that_does_not_start_is_an_error() {
    ServerChoice choice = choice(true, Map.of("sandpiper.things.server", "container"));

    assertThatIllegalStateException()
        .isThrownBy(
            () -> choice.start(url -> url, ServerChoiceTests::failingContainer, () -> "embedded"))
        .withMessage("no such image");
  }

  @Test
  void a_forced_container_without_docker_says_what_to_do() {
    assertThatIllegalStateException()
        .isThrownBy(() -> start(false, Map.of("sandpiper.things.server", "container")))
        .withMessageContainingAll(
            "sandpiper.things.server is \"container\"",
            "no Docker engine answers",
            "start Docker",
            "sandpiper.things.url");
  }

  @Test
  void an_unknown_kind_is_named_with_the_known_ones() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> start(true, Map.of("sandpiper.things.server", "dokcer")))
        .withMessage(
            "sandpiper.things.server is \"dokcer\", which is no kind of server: use auto, container or embedded");
  }

  @Test
  void a_blank_setting_counts_as_none() {
    assertThat(start(false, Map.of("sandpiper.things.url", " "))).isEqualTo("embedded");
  }

  private static String start(boolean docker, Map<String, String> settings) {
    return choice(docker, settings)
        .start(url -> "configured " + url, () -> "container", () -> "embedded");
  }

  private static ServerChoice choice(boolean docker, Map<String, String> settings) {
    return new ServerChoice("Things", "sandpiper.things", settings::get, () -> docker);
  }

  private static String failingContainer() {
    throw new IllegalStateException("no such image");
  }
}
