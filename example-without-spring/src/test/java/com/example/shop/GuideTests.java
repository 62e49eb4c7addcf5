package com.example.shop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That the guide shows what is compiled and run. */
class GuideTests {

  private static final Path GUIDE = Path.of("../docs/without-spring.md");

  @ParameterizedTest
  @ValueSource(strings = {"ShopDatabase", "OrdersTests"})
  void it_shows_the_classes_that_run(String name) throws IOException {
    String source = Files.readString(Path.of("src/test/java/com/example/shop", name + ".java"));

    assertThat(GUIDE)
        .content()
        .contains("```java\n" + source.substring(source.indexOf("import ")) + "```");
  }

  @Test
  void it_shows_the_settings_of_junit_that_run() throws IOException {
    assertThat(GUIDE)
        .content()
        .contains(Files.readString(Path.of("src/test/resources/junit-platform.properties")));
  }
}
