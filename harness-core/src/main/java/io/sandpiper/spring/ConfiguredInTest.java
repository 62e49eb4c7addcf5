package io.sandpiper.spring;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.origin.Origin;
import org.springframework.boot.origin.OriginLookup;
import org.springframework.boot.origin.TextResourceOrigin;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.PropertySource;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.ResourcePropertySource;

/**
 * Tells a connection that a test configures, which is to be used, from the application's own, which
 * leads to somebody's database or broker.
 */
public final class ConfiguredInTest {

  private static final List<String> TEST_SOURCES =
      List.of("Inlined Test Properties", "Dynamic Test Properties");

  private ConfiguredInTest() {}

  /** Whether the property that wins is set by a test or by a file among the tests' resources. */
  public static boolean isSet(ConfigurableEnvironment environment, String property) {
    for (PropertySource<?> source : environment.getPropertySources()) {
      if (!source.getName().equals("configurationProperties")
          && source.containsProperty(property)) {
        return TEST_SOURCES.contains(source.getName())
            || source instanceof ResourcePropertySource
            || isTestResource(origin(source, property));
      }
    }
    return false;
  }

  private static @Nullable Origin origin(PropertySource<?> source, String property) {
    return OriginLookup.getOrigin(source, property);
  }

  private static boolean isTestResource(@Nullable Origin origin) {
    Resource resource = origin instanceof TextResourceOrigin text ? text.getResource() : null;
    // The folders of Maven, and of Gradle and the IDEs.
    return resource != null
        && (location(resource).contains("/test-classes/") || location(resource).contains("/test/"));
  }

  private static String location(Resource resource) {
    try {
      return resource.getURL().toString();
    } catch (java.io.IOException unresolvable) {
      return resource.getDescription();
    }
  }
}
