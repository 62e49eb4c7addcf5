package io.sandpiper.spring;

import io.sandpiper.Sandbox;
import io.sandpiper.context.ScopedExecutors;
import java.lang.reflect.Modifier;
import java.security.ProtectionDomain;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.TargetSource;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;

/**
 * Puts proxies in the places of executors; a proxy is of the executor's class, or where that cannot
 * be, of the nearest superclass that it can and of all interfaces.
 *
 * <p>Safe for use by several threads.
 */
final class ExecutorProxies implements DisposableBean {

  private final BooleanSupplier settingUp;
  private final Set<ExecutorAdvice> advices =
      Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));
  private final DefiningClassLoader classesOfTheJdk =
      new DefiningClassLoader(ExecutorProxies.class.getClassLoader());

  /**
   * @param settingUp whether the application context starts or stops now
   */
  ExecutorProxies(BooleanSupplier settingUp) {
    this.settingUp = settingUp;
  }

  /** Spring has shut down all beans by now, and did so past their proxies. */
  @Override
  public void destroy() {
    List.copyOf(advices).forEach(ExecutorAdvice::ended);
  }

  static boolean runsTasks(Object bean) {
    return bean instanceof Executor || bean instanceof TaskScheduler;
  }

  /** The proxy for an executor; itself where it carries the scope already. */
  <T> T scoped(T executor) {
    if (isScoped(executor)) {
      return executor;
    }
    @SuppressWarnings("unchecked") // A proxy has all types that anybody can name of its target.
    T proxy = (T) proxy(executor);
    return proxy;
  }

  private static boolean isScoped(Object executor) {
    return executor instanceof Advised advised && advised.getTargetSource() instanceof Target
        || executor instanceof Executor known && ScopedExecutors.isScoped(known);
  }

  private Object proxy(Object executor) {
    Class<?> type = proxyable(executor.getClass());
    ProxyFactory factory = new ProxyFactory();
    factory.setInterfaces(ClassUtils.getAllInterfacesForClass(executor.getClass()));
    factory.setTargetSource(new Target(executor, type == null ? executor.getClass() : type));
    factory.setProxyTargetClass(type != null);
    ExecutorAdvice advice = new ExecutorAdvice(executor, view(executor), this::scoped, settingUp);
    advices.add(advice);
    factory.addAdvice(advice);
    Object proxy = factory.getProxy(loader(type == null ? executor.getClass() : type));
    if (type != null) {
      copyState(type, executor, proxy);
    }
    return proxy;
  }

  private static ExecutorService view(Object executor) {
    return Sandbox.wrap(
        executor instanceof ExecutorService service
            ? service
            : new SpringExecutorService(executor));
  }

  private ClassLoader loader(Class<?> type) {
    ClassLoader own = type.getClassLoader();
    return own == null ? classesOfTheJdk : own;
  }

  private static @Nullable Class<?> proxyable(Class<?> type) {
    for (Class<?> each = type; each != null && each != Object.class; each = each.getSuperclass()) {
      if (isProxyable(each)) {
        return each;
      }
    }
    return null;
  }

  private static boolean isProxyable(Class<?> type) {
    int modifiers = type.getModifiers();
    return !Modifier.isFinal(modifiers)
        && !type.isHidden()
        && !type.isAnonymousClass()
        && (type.getClassLoader() != null
            || Modifier.isPublic(modifiers) && type.getModule().isExported(type.getPackageName()));
  }

  /** Final methods, which a proxy cannot pass on, look at its own fields. */
  private static void copyState(Class<?> type, Object from, Object to) {
    ReflectionUtils.doWithFields(
        type,
        field -> {
          ReflectionUtils.makeAccessible(field);
          field.set(to, field.get(from));
        },
        field ->
            field.getDeclaringClass().getClassLoader() != null
                && !Modifier.isStatic(field.getModifiers()));
  }

  /** An executor of whichever class, whose proxy may be of a superclass. */
  private record Target(Object executor, Class<?> type) implements TargetSource {

    @Override
    public Class<?> getTargetClass() {
      return type;
    }

    @Override
    public Object getTarget() {
      return executor;
    }

    @Override
    public boolean isStatic() {
      return true;
    }
  }

  /**
   * Takes in subclasses of classes of the JDK, in whose own loader nobody else may define any;
   * CGLIB finds the method by its name.
   */
  public static final class DefiningClassLoader extends ClassLoader {

    DefiningClassLoader(ClassLoader parent) {
      super(parent);
    }

    /** Called by CGLIB. */
    public Class<?> publicDefineClass(
        String name, byte[] code, @Nullable ProtectionDomain protectionDomain) {
      return defineClass(name, code, 0, code.length, protectionDomain);
    }
  }
}
