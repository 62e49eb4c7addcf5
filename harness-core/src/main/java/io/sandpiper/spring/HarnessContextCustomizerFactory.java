package io.sandpiper.spring;

import io.sandpiper.Sandboxed;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.Map;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.commons.support.HierarchyTraversalMode;
import org.junit.platform.commons.support.ReflectionSupport;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.test.context.ContextConfigurationAttributes;
import org.springframework.test.context.ContextCustomizer;
import org.springframework.test.context.ContextCustomizerFactory;
import org.springframework.test.context.MergedContextConfiguration;

/**
 * Switches the harness on in every test context; {@code sandpiper.enabled=false} keeps it off.
 *
 * <p>Classes that ask for no sandbox have contexts of their own, in which what belongs to no test
 * works as in production.
 */
final class HarnessContextCustomizerFactory implements ContextCustomizerFactory {

  /** The property source that only test contexts have. */
  static final String TEST_DEFAULTS = "sandpiper test defaults";

  @Override
  public ContextCustomizer createContextCustomizer(
      Class<?> testClass, List<ContextConfigurationAttributes> configAttributes) {
    return new SwitchOn(asksForSandboxes(outermost(testClass)));
  }

  /** A nested test class works with the objects of those around it, so with their context. */
  private static Class<?> outermost(Class<?> testClass) {
    Class<?> around = testClass.getEnclosingClass();
    return around == null || Modifier.isStatic(testClass.getModifiers())
        ? testClass
        : outermost(around);
  }

  private static boolean asksForSandboxes(Class<?> testClass) {
    return AnnotationSupport.isAnnotated(testClass, Sandboxed.class)
        || !AnnotationSupport.findAnnotatedMethods(
                testClass, Sandboxed.class, HierarchyTraversalMode.TOP_DOWN)
            .isEmpty()
        || ReflectionSupport.findNestedClasses(
                testClass, nested -> !Modifier.isStatic(nested.getModifiers()))
            .stream()
            .anyMatch(HarnessContextCustomizerFactory::asksForSandboxes);
  }

  /**
   * Equal for all classes that ask for the same, so that these share their contexts as before.
   *
   * @param sandboxes whether a test of the context may have a sandbox
   */
  private record SwitchOn(boolean sandboxes) implements ContextCustomizer {

    private static final Map<String, Object> ON = Map.of("sandpiper.enabled", "true");

    private static final Map<String, Object> AS_IN_PRODUCTION =
        Map.of(
            "sandpiper.enabled", "true",
            "sandpiper.scheduled", "run",
            "sandpiper.unowned", "pass-through");

    @Override
    public void customizeContext(
        ConfigurableApplicationContext context, MergedContextConfiguration mergedConfig) {
      context
          .getEnvironment()
          .getPropertySources()
          .addLast(new MapPropertySource(TEST_DEFAULTS, sandboxes ? ON : AS_IN_PRODUCTION));
    }
  }
}
