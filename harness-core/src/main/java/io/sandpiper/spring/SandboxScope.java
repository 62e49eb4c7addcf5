package io.sandpiper.spring;

import io.sandpiper.SandboxLocal;
import io.sandpiper.Work;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.ObjectFactory;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.Scope;

/**
 * The scope {@code sandbox}: a bean for each test, destroyed at its end, and one for all work of no
 * test, destroyed with the context.
 */
final class SandboxScope implements Scope, BeanFactoryPostProcessor, DisposableBean {

  private static final String NAME = "sandbox";

  private final SandboxLocal<Beans> beans = SandboxLocal.withInitial(Beans::new, Beans::destroy);

  @Override
  public void postProcessBeanFactory(ConfigurableListableBeanFactory beanFactory) {
    beanFactory.registerScope(NAME, this);
  }

  @Override
  public Object get(String name, ObjectFactory<?> factory) {
    return beans.get().get(name, factory);
  }

  @Override
  public @Nullable Object remove(String name) {
    return beans.get().remove(name);
  }

  @Override
  public void registerDestructionCallback(String name, Runnable callback) {
    beans.get().onDestruction(name, callback);
  }

  @Override
  public @Nullable String getConversationId() {
    Work work = Work.current();
    return work == null ? null : work.sandbox().id().toString();
  }

  /** Those of tests have ended with them. */
  @Override
  public void destroy() {
    try (io.sandpiper.context.Scope nobodys =
        io.sandpiper.context.Scope.open(null, "the end of the scope sandbox")) {
      beans.remove();
    }
  }

  /** The beans of one sandbox, or of none. */
  private static final class Beans {

    private final ReentrantLock lock = new ReentrantLock();
    // Guarded by the lock.
    private final Map<String, Object> made = new HashMap<>();
    private final Map<String, Runnable> callbacks = new HashMap<>();
    private final Deque<String> order = new ArrayDeque<>();

    Object get(String name, ObjectFactory<?> factory) {
      lock.lock();
      try {
        Object bean = made.get(name);
        if (bean == null) {
          bean = factory.getObject();
          made.put(name, bean);
        }
        return bean;
      } finally {
        lock.unlock();
      }
    }

    @Nullable Object remove(String name) {
      lock.lock();
      try {
        callbacks.remove(name);
        return made.remove(name);
      } finally {
        lock.unlock();
      }
    }

    void onDestruction(String name, Runnable callback) {
      lock.lock();
      try {
        callbacks.put(name, callback);
        order.push(name);
      } finally {
        lock.unlock();
      }
    }

    /** What was made last may use what was made before. */
    void destroy() {
      lock.lock();
      try {
        for (String name : order) {
          Runnable callback = callbacks.remove(name);
          if (callback != null) {
            callback.run();
          }
        }
        made.clear();
      } finally {
        lock.unlock();
      }
    }
  }
}
