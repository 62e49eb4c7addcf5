package io.sandpiper.spring;

import java.util.List;
import java.util.Map;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.test.context.ContextConfigurationAttributes;
import org.springframework.test.context.ContextCustomizer;
import org.springframework.test.context.ContextCustomizerFactory;
import org.springframework.test.context.MergedContextConfiguration;

/** Switches the harness on in every test context; {@code sandpiper.enabled=false} keeps it off. */
final class HarnessContextCustomizerFactory implements ContextCustomizerFactory {

  /** The property source that only test contexts have. */
  static final String TEST_DEFAULTS = "sandpiper test defaults";

  @Override
  public ContextCustomizer createContextCustomizer(
      Class<?> testClass, List<ContextConfigurationAttributes> configAttributes) {
    return new SwitchOn();
  }

  /** Equal to every other one, so that contexts are cached as before. */
  private record SwitchOn() implements ContextCustomizer {

    @Override
    public void customizeContext(
        ConfigurableApplicationContext context, MergedContextConfiguration mergedConfig) {
      context
          .getEnvironment()
          .getPropertySources()
          .addLast(new MapPropertySource(TEST_DEFAULTS, Map.of("sandpiper.enabled", "true")));
    }
  }
}
