package io.sandpiper.example;

import java.lang.reflect.Method;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.commons.support.HierarchyTraversalMode;

/** Repeats {@link ManyTimes} methods. */
final class ManyTimesExtension implements TestTemplateInvocationContextProvider {

  static final int DEFAULT = 64;

  @Override
  public boolean supportsTestTemplate(ExtensionContext context) {
    return true;
  }

  @Override
  public boolean mayReturnZeroTestTemplateInvocationContexts(ExtensionContext context) {
    return true;
  }

  @Override
  public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(
      ExtensionContext context) {
    return IntStream.rangeClosed(1, share(context)).mapToObj(Invocation::new);
  }

  private static int share(ExtensionContext context) {
    int tests =
        context.getConfigurationParameter("example.tests", Integer::valueOf).orElse(DEFAULT);
    List<Method> methods =
        AnnotationSupport.findAnnotatedMethods(
                context.getRequiredTestClass(), ManyTimes.class, HierarchyTraversalMode.TOP_DOWN)
            .stream()
            .sorted(Comparator.comparing(Method::getName))
            .toList();
    int rest = tests % methods.size();
    boolean oneMore = methods.indexOf(context.getRequiredTestMethod()) < rest;
    return tests / methods.size() + (oneMore ? 1 : 0);
  }

  private record Invocation(int number) implements TestTemplateInvocationContext {

    @Override
    public String getDisplayName(int invocationIndex) {
      return "run " + number;
    }
  }
}
