package io.sandpiper.context;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.context.ContextRegistry;
import io.micrometer.context.ContextSnapshot;
import io.micrometer.context.ContextSnapshotFactory;
import io.micrometer.context.ThreadLocalAccessor;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Micrometer's context propagation, with the accessor that ServiceLoader finds. */
class ScopePropagationTests {

  private enum Work implements UnitOfWork {
    ONE,
    OTHER;

    @Override
    public Scope bind() {
      return Scope.open(this, "a test");
    }

    @Override
    public void finish(@Nullable Throwable failure) {}

    @Override
    public void failureSeen() {}
  }

  private final ContextRegistry registry = new ContextRegistry().loadThreadLocalAccessors();
  private final ContextSnapshotFactory snapshots =
      ContextSnapshotFactory.builder().contextRegistry(registry).build();
  private final ContextSnapshotFactory clearing =
      ContextSnapshotFactory.builder().contextRegistry(registry).clearMissing(true).build();

  @AfterEach
  void nothing_is_left_on_the_thread() {
    assertThat(Scope.currentWork()).isNull();
  }

  private ContextSnapshot captured(Work work) {
    try (Scope scope = Scope.open(work, "a test")) {
      return snapshots.captureAll();
    }
  }

  @Test
  void service_loader_finds_the_accessor() {
    assertThat(ServiceLoader.load(ThreadLocalAccessor.class))
        .hasAtLeastOneElementOfType(ScopeThreadLocalAccessor.class);
  }

  @Test
  void a_snapshot_carries_the_scope_to_another_thread_and_leaves_none_there() throws Exception {
    ContextSnapshot snapshot = captured(Work.ONE);
    ExecutorService pool = Executors.newSingleThreadExecutor();
    try {
      Callable<Boolean> bound = () -> Scope.currentWork() == Work.ONE;
      Callable<Boolean> free = () -> Scope.currentWork() == null;
      assertThat(pool.submit(snapshot.wrap(bound)).get()).isTrue();
      assertThat(pool.submit(free).get()).isTrue();
    } finally {
      pool.shutdown();
    }
  }

  @Test
  void a_snapshot_inside_another_scope_restores_it() {
    ContextSnapshot snapshot = captured(Work.ONE);
    try (Scope scope = Scope.open(Work.OTHER, "a test")) {
      try (ContextSnapshot.Scope inside = snapshot.setThreadLocals()) {
        assertThat(Scope.currentWork()).isSameAs(Work.ONE);
      }
      assertThat(Scope.currentWork()).isSameAs(Work.OTHER);
    }
  }

  @Test
  void an_empty_snapshot_that_clears_unbinds_and_restores() {
    ContextSnapshot nobody = clearing.captureAll();
    try (Scope scope = Scope.open(Work.ONE, "a test")) {
      try (ContextSnapshot.Scope inside = nobody.setThreadLocals()) {
        assertThat(Scope.currentWork()).isNull();
      }
      assertThat(Scope.currentWork()).isSameAs(Work.ONE);
    }
  }

  @Test
  void a_scope_that_leaks_inside_a_snapshot_is_named_and_undone() {
    ContextSnapshot snapshot = captured(Work.ONE);
    try (Scope scope = Scope.open(Work.OTHER, "a test")) {
      ContextSnapshot.Scope inside = snapshot.setThreadLocals();
      Scope leaked = Scope.open(Work.OTHER, "the leaking library");
      assertThatThrownBy(inside::close).hasMessageContaining("opened by the leaking library");
      assertThat(Scope.currentWork()).isSameAs(Work.OTHER);
      leaked.close();
    }
  }
}
