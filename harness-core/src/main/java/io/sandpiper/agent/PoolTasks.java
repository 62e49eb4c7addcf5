package io.sandpiper.agent;

import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.context.ScopedExecutors;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What becomes of tasks in pools and schedulers; the methods are those of {@link AgentBridge}. */
final class PoolTasks {

  private final Errands errands;

  PoolTasks(Errands errands) {
    this.errands = errands;
  }

  Runnable executing(Runnable task) {
    if (ScopedExecutors.isScoped(task)) {
      return task;
    }
    if (task instanceof SubmittedAgain again) {
      return new SubmittedAgain(again.task(), Errands.of(again.task()));
    }
    Errand errand = Errands.of(task);
    if (errand == Errand.NOBODYS && (task instanceof Future)) {
      // Nobody gives the same future to a pool twice, so there is nothing to tell apart.
      return task;
    }
    while (true) {
      Errand waiting = errands.putIfAbsent(task, errand);
      if (waiting == null) {
        return task;
      }
      if (!(waiting instanceof Errand.Rejected)) {
        return new SubmittedAgain(task, errand);
      }
      // Its pool did not take it, and whoever decides about that gives it to one again.
      if (errands.replace(task, waiting, errand)) {
        waiting.abandon();
        return task;
      }
    }
  }

  @Nullable Object rejecting(ThreadPoolExecutor pool, Runnable task) {
    Errand errand = errands.get(task);
    if (errand != null) {
      errands.replace(task, errand, new Errand.Rejected(errand));
    }
    boolean ofJdk = pool.getRejectedExecutionHandler().getClass().getClassLoader() == null;
    return ofJdk ? null : List.of(pool.getQueue().toArray());
  }

  void rejected(
      ThreadPoolExecutor pool,
      Runnable task,
      @Nullable Object rejecting,
      @Nullable Throwable thrown) {
    boolean waits = pool.getQueue().contains(task);
    if (task instanceof SubmittedAgain again) {
      if (!waits) {
        again.errand().abandon();
      }
    } else if (errands.get(task) instanceof Errand.Rejected rejected) {
      if (waits) {
        errands.replace(task, rejected, rejected.errand());
      } else if (rejecting != null && thrown == null) {
        unexpected(task);
      } else if (errands.remove(task, rejected)) {
        rejected.abandon();
      }
    }
    // Otherwise the handler has given it to a pool.
    if (rejecting instanceof List<?> before) {
      Set<Object> now = Collections.newSetFromMap(new IdentityHashMap<>());
      now.addAll(Arrays.asList(pool.getQueue().toArray()));
      before.stream().filter(each -> !now.contains(each)).forEach(this::unexpected);
    }
  }

  /** A handler may have taken a task out of its queue, or a thread of the pool. */
  private void unexpected(Object task) {
    Errand errand = errands.get(task);
    Errand instead = errand == null ? null : errand.unexpected();
    if (errand != null && instead != null && errands.replace(task, errand, instead)) {
      errand.abandon();
    }
  }

  void notGiven(ThreadPoolExecutor pool, Runnable task) {
    if (pool.getQueue().contains(task)) {
      return;
    }
    if (task instanceof SubmittedAgain again) {
      again.errand().abandon();
    } else {
      errands.abandoned(task);
    }
  }

  Runnable removing(Runnable task) {
    return task instanceof Future ? task : new Sought(task);
  }

  void removed(Runnable task) {
    Object found = task instanceof Sought sought ? sought.found() : task;
    if (found instanceof SubmittedAgain again) {
      again.errand().abandon();
    } else if (found != null) {
      errands.abandoned(found);
    }
  }

  List<Runnable> neverRun(List<Runnable> tasks) {
    tasks.replaceAll(
        task -> {
          if (task instanceof SubmittedAgain again) {
            again.errand().abandon();
            return again.task();
          }
          errands.abandoned(task);
          return task;
        });
    return tasks;
  }

  void delaying(RunnableScheduledFuture<?> task) {
    Work current = Work.current();
    if (current == null) {
      delayingForNobody(task);
      return;
    }
    Caller caller = Caller.here();
    long delay = task.getDelay(TimeUnit.NANOSECONDS);
    boolean later = task.isPeriodic() || delay > 0;
    if (later ? !caller.isOfTest() : caller == Caller.SHARED) {
      return;
    }
    errands.give(
        task, Errand.planned(task, delay, task.isPeriodic(), future -> future.cancel(false)));
  }

  private void delayingForNobody(RunnableScheduledFuture<?> task) {
    if (Scope.currentWork() != null
        && !task.isPeriodic()
        && task.getDelay(TimeUnit.NANOSECONDS) <= 0) {
      errands.give(task, Errands.of(task));
    }
  }

  void run(Runnable task) {
    Runnable actual = task instanceof SubmittedAgain again ? again.task() : task;
    Errand errand = task instanceof SubmittedAgain again ? again.errand() : errands.claim(task);
    Errand.Begun begun = errand == null ? null : errand.begin();
    if (begun != null) {
      runAs(actual, begun);
    } else if (errand == null || !errand.repeats()) {
      actual.run();
    }
  }

  static void runAs(Runnable task, Errand.Begun begun) {
    Throwable failure = null;
    try {
      task.run();
    } catch (Throwable thrown) {
      failure = thrown;
      throw thrown;
    } finally {
      begun.end(failure);
    }
  }
}
