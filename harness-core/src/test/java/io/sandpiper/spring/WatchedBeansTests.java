package io.sandpiper.spring;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.aopalliance.intercept.MethodInterceptor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.aop.Advisor;
import org.springframework.aop.framework.autoproxy.DefaultAdvisorAutoProxyCreator;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.annotation.AnnotationMatchingPointcut;
import org.springframework.beans.factory.FactoryBean;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.CustomScopeConfigurer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ScopedProxyMode;
import org.springframework.context.support.SimpleThreadScope;
import org.springframework.stereotype.Service;

/** Which kinds of beans can be watched by their proxies, and what is said of the others. */
class WatchedBeansTests {

  interface Greeting {
    String greet(String name);
  }

  @Service
  static class Polite implements Greeting {

    @Override
    public String greet(String name) {
      return "good morning " + name;
    }

    protected String inTheFamily(String name) {
      return "hi " + name;
    }

    String inThePackage(String name) {
      return "hey " + name;
    }

    public void empty(List<String> names) {
      names.clear();
    }

    public final String sealed() {
      return "sealed";
    }

    public String twice(String name) {
      return this.greet(name) + ", " + this.greet(name);
    }
  }

  @Service
  static class Brief implements Greeting {
    @Override
    public String greet(String name) {
      return name;
    }
  }

  @Service
  static class Prototype {
    public void touch() {}
  }

  @Service
  static class PerThread {
    public String touch() {
      return "touched";
    }
  }

  @Service
  static class PerTest {
    public String touch() {
      return Sandbox.current().testName();
    }
  }

  @Service
  static class Product {
    public void touch() {}
  }

  static final class Unproxied implements Runnable {
    @Override
    public void run() {}
  }

  /** Makes one, or one for each that asks. */
  record Factory(boolean isSingleton) implements FactoryBean<Product> {
    @Override
    public Product getObject() {
      return new Product();
    }

    @Override
    public Class<?> getObjectType() {
      return Product.class;
    }
  }

  /** What the application does around its services. */
  static class Proxying {

    @Bean
    static DefaultAdvisorAutoProxyCreator proxies() {
      DefaultAdvisorAutoProxyCreator proxies = new DefaultAdvisorAutoProxyCreator();
      proxies.setProxyTargetClass(true);
      return proxies;
    }

    @Bean
    static Advisor advisor() {
      MethodInterceptor through = call -> call.proceed();
      return new DefaultPointcutAdvisor(new AnnotationMatchingPointcut(Service.class), through);
    }

    @Bean
    static CustomScopeConfigurer scopes() {
      CustomScopeConfigurer scopes = new CustomScopeConfigurer();
      scopes.addScope("thread", new SimpleThreadScope());
      return scopes;
    }

    @Bean
    static SandboxScope sandboxScope() {
      return new SandboxScope();
    }
  }

  static class Application {

    @Bean
    Polite polite() {
      return new Polite();
    }

    @Bean
    @org.springframework.context.annotation.Scope(BeanDefinition.SCOPE_PROTOTYPE)
    Prototype prototype() {
      return new Prototype();
    }

    @Bean
    @org.springframework.context.annotation.Scope(
        scopeName = "thread",
        proxyMode = ScopedProxyMode.TARGET_CLASS)
    PerThread perThread() {
      return new PerThread();
    }

    @Bean
    @org.springframework.context.annotation.Scope(
        scopeName = "sandbox",
        proxyMode = ScopedProxyMode.TARGET_CLASS)
    PerTest perTest() {
      return new PerTest();
    }

    @Bean
    Unproxied unproxied() {
      return new Unproxied();
    }
  }

  private static final Duration LONG = Duration.ofHours(1);

  private final Run run = Run.create();
  private @Nullable AnnotationConfigApplicationContext opened;

  @AfterEach
  void close() {
    if (opened != null) {
      opened.close();
    }
  }

  private AnnotationConfigApplicationContext context(Class<?>... configurations) {
    AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
    opened = context;
    context.register(Proxying.class);
    List.of(configurations).forEach(context::register);
    return context;
  }

  private Sandbox open(String name, AnnotationConfigApplicationContext context) {
    Sandbox sandbox =
        run.open(Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
    sandbox.application(new ContextUnderTest(context));
    return sandbox;
  }

  private static void assertRefused(Sandbox sandbox, Class<?> component, String state) {
    assertThatThrownBy(() -> sandbox.watch(component))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("Calls of %s cannot be watched: %s", component.getName(), state)
        .hasMessageContaining("and the agent does not run. Start the JVM with -javaagent:");
  }

  @Test
  void a_prototype_is_refused_because_nobody_knows_its_instances() {
    AnnotationConfigApplicationContext context = context(Application.class);
    context.refresh();
    Prototype held = context.getBean(Prototype.class);
    Sandbox sandbox = open("T.prototype", context);
    assertRefused(
        sandbox,
        Prototype.class,
        "bean prototype is no singleton and has no scoped proxy, so that nobody knows which"
            + " instances the application has");
    try (Scope scope = sandbox.test().bind()) {
      held.touch();
      assertThatThrownBy(() -> refuteReceive(called(Prototype.class, "touch"), LONG))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("Prototype are not watched in T.prototype: call sandbox.watch(");
    }
    run.end(sandbox, null);
  }

  static class WithoutScopedProxy {
    @Bean
    @org.springframework.context.annotation.Scope("thread")
    PerThread bare() {
      return new PerThread();
    }
  }

  @Test
  void a_scoped_bean_is_watched_through_its_scoped_proxy_and_refused_without_one() {
    AnnotationConfigApplicationContext context = context(Application.class);
    context.refresh();
    Sandbox one = open("T.one", context);
    Sandbox other = open("T.other", context);
    Sandbox neighbour = open("T.neighbour", context);
    for (Sandbox each : List.of(one, other)) {
      each.watch(PerThread.class);
      each.watch(PerTest.class);
    }
    for (Sandbox each : List.of(one, other, neighbour)) {
      try (Scope scope = each.test().bind()) {
        assertThat(context.getBean(PerThread.class).touch()).isEqualTo("touched");
        assertThat(context.getBean(PerTest.class).touch()).isEqualTo(each.testName());
      }
    }
    for (Sandbox each : List.of(one, other)) {
      try (Scope scope = each.test().bind()) {
        assertThat(assertReceive(called(PerThread.class, "touch")).header("outcome"))
            .isEqualTo("returned touched");
        assertThat(assertReceive(called(PerTest.class, "touch")).header("outcome"))
            .isEqualTo("returned " + each.testName());
        refuteReceive(called(PerTest.class, "touch"), Duration.ZERO);
      }
    }
    assertThat(neighbour.journal().entries()).isEmpty();
    List.of(one, other, neighbour).forEach(each -> run.end(each, null));
    context.close();
    AnnotationConfigApplicationContext bare = context(WithoutScopedProxy.class);
    bare.refresh();
    Sandbox sandbox = open("T.bare", bare);
    assertRefused(sandbox, PerThread.class, "bean bare is no singleton and has no scoped proxy");
    run.end(sandbox, null);
  }

  @Test
  void all_beans_of_an_interface_are_watched_or_none() {
    AnnotationConfigApplicationContext context = context(Application.class);
    context.registerBean("brief", Brief.class);
    context.refresh();
    Sandbox sandbox = open("T.all", context);
    sandbox.watch(Greeting.class);
    try (Scope scope = sandbox.test().bind()) {
      context.getBeansOfType(Greeting.class).values().forEach(each -> each.greet("you"));
      assertThat(
              List.of(
                  Objects.requireNonNull(
                      assertReceive(called(Greeting.class, "greet")).header("outcome")),
                  Objects.requireNonNull(
                      assertReceive(called(Greeting.class, "greet")).header("outcome"))))
          .containsExactlyInAnyOrder("returned good morning you", "returned you");
    }
    run.end(sandbox, null);
    context.close();
    AnnotationConfigApplicationContext mixed = context(Application.class);
    mixed.registerBean("lambda", Greeting.class, () -> name -> "λ " + name);
    mixed.refresh();
    Sandbox refused = open("T.mixed", mixed);
    assertRefused(refused, Greeting.class, "bean lambda has no proxy (it is a io.sandpiper");
    refused.watch(Polite.class);
    run.end(refused, null);
  }

  @Test
  void a_bean_of_a_final_class_and_what_is_no_bean_are_refused_as_such() {
    AnnotationConfigApplicationContext context = context(Application.class);
    context.refresh();
    Sandbox sandbox = open("T.final", context);
    assertRefused(
        sandbox,
        Unproxied.class,
        "bean unproxied has no proxy (it is a " + Unproxied.class.getName() + ")");
    assertRefused(sandbox, Brief.class, "it is no bean of the application");
    run.end(sandbox, null);
  }

  @Test
  void the_product_of_a_factory_is_watched_where_there_is_one() {
    AnnotationConfigApplicationContext context = context();
    context.registerBean("product", Factory.class, () -> new Factory(true));
    context.refresh();
    Sandbox sandbox = open("T.product", context);
    sandbox.watch(Product.class);
    try (Scope scope = sandbox.test().bind()) {
      context.getBean(Product.class).touch();
      assertReceive(called(Product.class, "touch"));
    }
    run.end(sandbox, null);
    context.close();
    AnnotationConfigApplicationContext many = context();
    many.registerBean("product", Factory.class, () -> new Factory(false));
    many.refresh();
    Sandbox refused = open("T.products", many);
    assertRefused(refused, Product.class, "bean product is no singleton");
    run.end(refused, null);
  }

  @Test
  void a_bean_of_a_parent_context_is_watched_unless_another_hides_it() {
    try (AnnotationConfigApplicationContext parent = new AnnotationConfigApplicationContext()) {
      parent.register(Proxying.class, Application.class);
      parent.registerBean("hidden", Prototype.class);
      parent.refresh();
      AnnotationConfigApplicationContext child = context();
      child.setParent(parent);
      child.registerBean("hidden", Unproxied.class);
      child.getBeanFactory().registerSingleton("registered", new Object());
      child.refresh();
      Sandbox sandbox = open("T.child", child);
      sandbox.watch(Polite.class);
      try (Scope scope = sandbox.test().bind()) {
        parent.getBean(Polite.class).greet("you");
        assertReceive(called(Polite.class, "greet").json("/0", "you"));
      }
      assertRefused(sandbox, Prototype.class, "bean prototype is no singleton");
      assertRefused(sandbox, Unproxied.class, "bean hidden has no proxy");
      run.end(sandbox, null);
    }
  }

  @Test
  void methods_that_are_not_public_are_recorded_and_calls_of_a_bean_to_itself_are_not() {
    AnnotationConfigApplicationContext context = context(Application.class);
    context.refresh();
    Polite polite = context.getBean(Polite.class);
    Sandbox sandbox = open("T.methods", context);
    sandbox.watch(Polite.class);
    try (Scope scope = sandbox.test().bind()) {
      polite.inTheFamily("a");
      polite.inThePackage("b");
      polite.twice("c");
      assertReceive(called(Polite.class, "inTheFamily").json("/0", "a"));
      assertReceive(called(Polite.class, "inThePackage").json("/0", "b"));
      assertThat(assertReceive(called(Polite.class, "twice")).header("outcome"))
          .isEqualTo("returned good morning c, good morning c");
      refuteReceive(called(Polite.class, "greet"), Duration.ZERO);
    }
    run.end(sandbox, null);
  }

  interface Handler<T> {
    String handle(T what);

    default String twice(T what) {
      return handle(what) + handle(what);
    }
  }

  @Service
  static class TextHandler implements Handler<String> {
    @Override
    public String handle(String what) {
      return what + "!";
    }

    public String handle(String what, @Nullable Object... more) {
      return what + more.length;
    }
  }

  @Test
  void arguments_are_those_at_the_begin_and_methods_that_pass_no_proxy_are_refused() {
    AnnotationConfigApplicationContext context = context(Application.class);
    context.refresh();
    Sandbox sandbox = open("T.arguments", context);
    sandbox.watch(Polite.class);
    sandbox.watch(Greeting.class);
    try (Scope scope = sandbox.test().bind()) {
      context.getBean(Polite.class).empty(new ArrayList<>(List.of("ann")));
      assertReceive(called(Polite.class, "empty").json("/0/0", "ann"));
      assertThatThrownBy(() -> assertReceive(called(Polite.class, "sealed"), LONG))
          .hasMessageContaining(
              "no method sealed that can be watched (it is final, and passes no proxy); it has:"
                  + " empty, greet, inTheFamily, inThePackage, twice.");
      assertThatThrownBy(() -> refuteReceive(called(Greeting.class, "great"), LONG))
          .hasMessageContaining("Greeting has no method great that can be watched; it has: empty,");
      refuteReceive(called(Greeting.class, "twice"), Duration.ZERO);
    }
    run.end(sandbox, null);
  }

  @Test
  void generic_default_overloaded_and_variable_methods_are_recorded_once() {
    AnnotationConfigApplicationContext context = context();
    context.registerBean("handler", TextHandler.class);
    context.refresh();
    Sandbox sandbox = open("T.generic", context);
    sandbox.watch(Handler.class);
    TextHandler handler = context.getBean(TextHandler.class);
    Handler<String> generic = handler;
    try (Scope scope = sandbox.test().bind()) {
      generic.handle("a");
      generic.twice("b");
      handler.handle("c", 1, null);
    }
    assertThat(
            sandbox.journal().entries().stream()
                .map(entry -> entry.text().replaceAll("called .*Handler[.]", "")))
        .containsExactly(
            "handle(\"a\")  returned a!",
            "twice(\"b\")  returned b!b!",
            "handle(\"c\",[1,null])  returned c2");
    run.end(sandbox, null);
  }
}
