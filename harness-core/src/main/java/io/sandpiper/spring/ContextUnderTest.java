package io.sandpiper.spring;

import io.sandpiper.ApplicationUnderTest;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.annotation.Schedules;
import org.springframework.util.ReflectionUtils;

/**
 * What a sandbox asks of an application context.
 *
 * @param context the context that the test works with
 */
record ContextUnderTest(ConfigurableApplicationContext context) implements ApplicationUnderTest {

  @Override
  public void tick(Class<?> component, @Nullable String method) throws Exception {
    Object bean = bean(component);
    for (Method scheduled : scheduled(AopUtils.getTargetClass(bean), component, method)) {
      run(bean, AopUtils.selectInvocableMethod(scheduled, bean.getClass()));
    }
  }

  private Object bean(Class<?> component) {
    List<String> names = names(component);
    if (names.isEmpty()) {
      throw new IllegalArgumentException(
          "There is no bean of type %s to tick. Those with @Scheduled methods are: %s."
              .formatted(component.getName(), ticking()));
    }
    if (names.size() > 1) {
      throw new IllegalArgumentException(
          ("There are %d beans of type %s to tick: %s. Name a type of which there is one, or call"
                  + " the method itself.")
              .formatted(names.size(), component.getName(), String.join(", ", names)));
    }
    return context.getBean(names.get(0));
  }

  /** Also of those that a proxy of interfaces hides. */
  private List<String> names(Class<?> component) {
    return Arrays.stream(context.getBeanDefinitionNames())
        .filter(name -> !name.startsWith("scopedTarget."))
        .filter(name -> is(name, component))
        .toList();
  }

  private boolean is(String name, Class<?> component) {
    if (context.isTypeMatch(name, component)) {
      return true;
    }
    Class<?> target = AutoProxyUtils.determineTargetClass(context.getBeanFactory(), name);
    return target != null && component.isAssignableFrom(target);
  }

  private String ticking() {
    String found =
        Arrays.stream(context.getBeanDefinitionNames())
            .map(name -> AutoProxyUtils.determineTargetClass(context.getBeanFactory(), name))
            .filter(type -> type != null && !methods(type).isEmpty())
            .map(Class::getName)
            .distinct()
            .sorted()
            .collect(Collectors.joining(", "));
    return found.isEmpty() ? "none" : found;
  }

  private static List<Method> scheduled(Class<?> type, Class<?> component, @Nullable String name) {
    List<Method> all = methods(type);
    if (all.isEmpty()) {
      throw new IllegalArgumentException(
          "%s has no @Scheduled method. Call the method itself.".formatted(component.getName()));
    }
    List<Method> named =
        all.stream().filter(each -> name == null || each.getName().equals(name)).toList();
    if (named.isEmpty()) {
      throw new IllegalArgumentException(
          "%s has no @Scheduled method %s; it has: %s."
              .formatted(
                  component.getName(),
                  name,
                  all.stream().map(Method::getName).collect(Collectors.joining(", "))));
    }
    return named;
  }

  private static List<Method> methods(Class<?> type) {
    return MethodIntrospector.selectMethods(
            type,
            (ReflectionUtils.MethodFilter)
                method ->
                    !AnnotatedElementUtils.getMergedRepeatableAnnotations(
                            method, Scheduled.class, Schedules.class)
                        .isEmpty())
        .stream()
        .sorted(Comparator.comparing(Method::getName))
        .toList();
  }

  private static void run(Object bean, Method method) throws Exception {
    ReflectionUtils.makeAccessible(method);
    try {
      method.invoke(bean);
    } catch (InvocationTargetException failed) {
      ReflectionUtils.rethrowException(failed.getTargetException());
    }
  }

  @Override
  public boolean watch(Class<?> component) {
    List<Object> beans = names(component).stream().map(context::getBean).toList();
    if (beans.isEmpty() || !beans.stream().allMatch(WatchAdvice::canWatch)) {
      return false;
    }
    beans.forEach(bean -> WatchAdvice.watch((Advised) bean));
    return true;
  }
}
