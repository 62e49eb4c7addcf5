package io.sandpiper.spring;

import io.sandpiper.ApplicationUnderTest;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.scope.ScopedProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.annotation.Schedules;
import org.springframework.util.ClassUtils;
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

  private List<String> names(Class<?> component) {
    return names(context, component).distinct().toList();
  }

  /** Also of those that a proxy of interfaces hides, and of parent contexts. */
  private static Stream<String> names(ConfigurableApplicationContext context, Class<?> component) {
    ConfigurableListableBeanFactory factory = context.getBeanFactory();
    Stream<String> own =
        names(factory)
            .filter(name -> is(factory, name, component))
            .map(ContextUnderTest::ofTheScopedProxy);
    return context.getParent() instanceof ConfigurableApplicationContext parent
        ? Stream.concat(
            own, names(parent, component).filter(name -> !context.containsLocalBean(name)))
        : own;
  }

  private static Stream<String> names(ConfigurableListableBeanFactory factory) {
    Iterable<String> names = factory::getBeanNamesIterator;
    return StreamSupport.stream(names.spliterator(), false)
        .filter(
            name ->
                !factory.containsBeanDefinition(name)
                    || !factory.getBeanDefinition(name).isAbstract());
  }

  private static boolean is(
      ConfigurableListableBeanFactory factory, String name, Class<?> component) {
    if (factory.isTypeMatch(name, component)) {
      return true;
    }
    Class<?> target = AutoProxyUtils.determineTargetClass(factory, name);
    return target != null && component.isAssignableFrom(target);
  }

  /** What is behind a scoped proxy is reached through it, whatever instance is meant. */
  private static String ofTheScopedProxy(String name) {
    return ScopedProxyUtils.isScopedTarget(name)
        ? ScopedProxyUtils.getOriginalBeanName(name)
        : name;
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
    List<String> names = names(component);
    if (names.isEmpty() || names.stream().anyMatch(name -> unwatchable(name) != null)) {
      return false;
    }
    names.forEach(name -> WatchAdvice.watch((Advised) context.getBean(name)));
    return true;
  }

  @Override
  public Collection<Class<?>> implementations(Class<?> component) {
    return names(component).stream()
        .map(context::getBean)
        .flatMap(ContextUnderTest::proxied)
        .distinct()
        .toList();
  }

  /** What a caller of the bean may call. */
  private static Stream<Class<?>> proxied(Object bean) {
    return AopUtils.isJdkDynamicProxy(bean)
        ? Stream.of(AopProxyUtils.proxiedUserInterfaces(bean))
        : Stream.<Class<?>>of(ClassUtils.getUserClass(bean));
  }

  @Override
  public String whyNotWatched(Class<?> component) {
    List<String> reasons =
        names(component).stream().map(this::unwatchable).filter(Objects::nonNull).toList();
    return reasons.isEmpty()
        ? ApplicationUnderTest.super.whyNotWatched(component)
        : String.join("; ", reasons);
  }

  private @Nullable String unwatchable(String name) {
    if (!context.isSingleton(name)) {
      return ("bean %s is no singleton and has no scoped proxy, so that nobody knows which"
              + " instances the application has")
          .formatted(name);
    }
    Object bean = context.getBean(name);
    if (!(bean instanceof Advised advised)) {
      return "bean %s has no proxy (it is a %s)".formatted(name, bean.getClass().getName());
    }
    return advised.isFrozen() ? "the proxy of bean %s is frozen".formatted(name) : null;
  }
}
