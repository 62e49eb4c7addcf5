package io.sandpiper.spring;

import io.sandpiper.SandboxLocal;
import io.sandpiper.Work;
import java.time.Duration;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
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

  private static final Duration GRACE = Duration.ofMillis(500);

  private final SandboxLocal<Beans> beans = SandboxLocal.withInitial(Beans::new, Beans::destroy);

  // Its sandbox may have ended when a bean says what is to be called at its end.
  private final ThreadLocal<@Nullable SandboxBean> beingMade = new ThreadLocal<>();

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
    SandboxBean bean = beingMade.get();
    if (bean == null || !bean.name().equals(name)) {
      throw new IllegalStateException("Bean %s is not being made by this thread.".formatted(name));
    }
    bean.onDestruction(callback);
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
  private final class Beans {

    private final Map<String, SandboxBean> all = new ConcurrentHashMap<>();
    private final Deque<SandboxBean> made = new ConcurrentLinkedDeque<>();
    private volatile boolean ended;

    Object get(String name, ObjectFactory<?> factory) {
      while (true) {
        SandboxBean bean = all.get(name);
        if (bean == null) {
          refuseIfEnded(name);
          SandboxBean first = new SandboxBean(name);
          bean = all.putIfAbsent(name, first);
          if (bean == null) {
            return make(first, factory);
          }
        }
        Object object = bean.await();
        if (object != null) {
          return object;
        }
      }
    }

    private void refuseIfEnded(String name) {
      if (ended) {
        throw new IllegalStateException(
            ("The sandbox has ended, and bean %s is not made in it any more. Await in the test"
                    + " what asks for it.")
                .formatted(name));
      }
    }

    private Object make(SandboxBean bean, ObjectFactory<?> factory) {
      SandboxBean around = beingMade.get();
      beingMade.set(bean);
      Object object = null;
      try {
        object = factory.getObject();
        made.push(bean);
      } finally {
        restore(around);
        if (object == null) {
          all.remove(bean.name());
        }
        bean.made(object);
      }
      if (ended) {
        bean.destroy();
        refuseIfEnded(bean.name());
      }
      return object;
    }

    private void restore(@Nullable SandboxBean around) {
      if (around == null) {
        beingMade.remove();
      } else {
        beingMade.set(around);
      }
    }

    @Nullable Object remove(String name) {
      SandboxBean bean = all.get(name);
      Object object = bean == null ? null : bean.await();
      if (bean != null && all.remove(name, bean)) {
        made.remove(bean);
        bean.forget();
      }
      return object;
    }

    /** What was made last may use what was made before. */
    void destroy() {
      ended = true;
      List<String> unfinished = unfinished();
      made.forEach(SandboxBean::destroy);
      if (!unfinished.isEmpty()) {
        throw new IllegalStateException(String.join("%n".formatted(), unfinished));
      }
    }

    private List<String> unfinished() {
      long deadline = System.nanoTime() + GRACE.toNanos();
      return all.values().stream()
          .filter(bean -> !bean.isMadeBy(deadline))
          .map(SandboxBean::describeUnfinished)
          .toList();
    }
  }
}
