package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.env.PropertiesPropertySourceLoader;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.io.FileSystemResource;
import org.springframework.core.io.support.ResourcePropertySource;

/** Whose connection is it: one that a test configures, or the application's own? */
class ConfiguredInTestTests {

  private static final String URL = "spring.datasource.url";

  @TempDir private Path folder;

  private static boolean isSet(PropertySource<?>... sources) {
    StandardEnvironment environment = new StandardEnvironment();
    for (PropertySource<?> source : sources) {
      environment.getPropertySources().addLast(source);
    }
    ConfigurationPropertySources.attach(environment);
    return ConfiguredInTest.isSet(environment, URL);
  }

  private static PropertySource<?> named(String name) {
    return new MapPropertySource(name, Map.of(URL, "jdbc:postgresql://host/db"));
  }

  private FileSystemResource file(String path) throws IOException {
    Path file = folder.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, URL + "=jdbc:postgresql://host/db\n");
    return new FileSystemResource(file);
  }

  private PropertySource<?> loadedByBoot(String path) throws IOException {
    List<PropertySource<?>> loaded =
        new PropertiesPropertySourceLoader().load("Config resource", file(path));
    return loaded.get(0);
  }

  @Test
  void what_is_set_nowhere_is_not_set_by_a_test() {
    assertThat(isSet()).isFalse();
    assertThat(isSet(new MapPropertySource("Inlined Test Properties", Map.of()))).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "Inlined Test Properties, true",
    "Dynamic Test Properties, true",
    "systemProperties of somebody, false",
    "commandLineArgs, false",
    "defaultProperties, false"
  })
  void a_source_is_known_by_its_name(String name, boolean expected) {
    assertThat(isSet(named(name))).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "target/test-classes/application.properties",
        "target/test-classes/config/application.properties",
        "build/resources/test/application.properties",
        "build/resources/integrationTest/application.properties",
        "out/test/resources/application.properties",
        "bin/test/application.properties"
      })
  void a_file_among_the_tests_resources_is_of_a_test(String path) throws IOException {
    assertThat(isSet(loadedByBoot(path))).isTrue();
    assertThat(isSet(new ResourcePropertySource(file(path)))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "target/classes/application.properties",
        "build/resources/main/application.properties",
        "out/production/resources/application.properties",
        "bin/main/application.properties",
        "test/app/target/classes/application.properties",
        "home/test/application.properties",
        "config/application.properties"
      })
  void a_file_elsewhere_is_the_applications_own(String path) throws IOException {
    assertThat(isSet(loadedByBoot(path))).isFalse();
    assertThat(isSet(new ResourcePropertySource(file(path))))
        .as("by @PropertySource of the application")
        .isFalse();
  }

  @Test
  void the_source_that_wins_decides() throws IOException {
    PropertySource<?> own = loadedByBoot("target/classes/application.properties");
    assertThat(isSet(named("Inlined Test Properties"), own)).isTrue();
    assertThat(isSet(own, named("Inlined Test Properties"))).isFalse();
  }
}
