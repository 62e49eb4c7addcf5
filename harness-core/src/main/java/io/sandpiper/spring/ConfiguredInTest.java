package io.sandpiper.spring;

import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.origin.Origin;
import org.springframework.boot.origin.OriginLookup;
import org.springframework.boot.origin.TextResourceOrigin;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.PropertySource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.ResourcePropertySource;

/**
 * Tells a connection that a test configures, which is to be used, from the application's own, which
 * leads to somebody's database or broker.
 */
public final class ConfiguredInTest {

  private static final List<String> TEST_SOURCES =
      List.of("Inlined Test Properties", "Dynamic Test Properties");

  /** The folders of tests' resources of Maven, Gradle, IntelliJ and Eclipse. */
  private static final Pattern TEST_FOLDER =
      Pattern.compile("/(?:test-classes|build/resources/(?!main/)[^/]+|out/test|bin/test)/");

  private static final Pattern DESCRIPTION = Pattern.compile("(?<kind>[^\\[]+) \\[(?<path>.*)]");

  private ConfiguredInTest() {}

  /** Whether the property that wins is set by a test or by a file among the tests' resources. */
  public static boolean isSet(ConfigurableEnvironment environment, String property) {
    for (PropertySource<?> source : environment.getPropertySources()) {
      if (!source.getName().equals("configurationProperties")
          && source.containsProperty(property)) {
        return TEST_SOURCES.contains(source.getName())
            || isTestResource(location(source, property));
      }
    }
    return false;
  }

  private static boolean isTestResource(@Nullable String location) {
    return location != null && TEST_FOLDER.matcher(location).find();
  }

  private static @Nullable String location(PropertySource<?> source, String property) {
    Origin origin = OriginLookup.getOrigin(source, property);
    if (origin instanceof TextResourceOrigin text && text.getResource() != null) {
      return url(text.getResource());
    }
    return source instanceof ResourcePropertySource ? described(source.getName()) : null;
  }

  /** The resource behind a {@code @PropertySource}, which is known by its description only. */
  private static @Nullable String described(String description) {
    Matcher path = DESCRIPTION.matcher(description);
    if (!path.matches()) {
      return null;
    }
    return path.group("kind").equals("class path resource")
        ? url(new ClassPathResource(path.group("path")))
        : path.group("path");
  }

  private static @Nullable String url(Resource resource) {
    try {
      return resource.getURL().toString();
    } catch (IOException unresolvable) {
      return null;
    }
  }
}
