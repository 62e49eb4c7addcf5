package io.sandpiper.context;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Schedules;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Schedules.class)
class ScopeTests {

  private record Named(String name) implements UnitOfWork {
    @Override
    public Scope bind() {
      return Scope.open(this, "a test");
    }

    @Override
    public void finish(@Nullable Throwable failure) {}

    @Override
    public void failureSeen() {}
  }

  private static final UnitOfWork A = new Named("a");
  private static final UnitOfWork B = new Named("b");

  @AfterEach
  void nothing_is_left_on_the_thread() {
    assertThat(Scope.currentWork()).isNull();
  }

  @Test
  void a_thread_is_bound_exactly_while_a_scope_is_open() {
    assertThat(Scope.currentWork()).isNull();
    try (Scope scope = Scope.open(A, "a test")) {
      assertThat(Scope.currentWork()).isSameAs(A);
    }
    assertThat(Scope.currentWork()).isNull();
  }

  @Test
  void an_inner_scope_may_be_of_nobody() {
    try (Scope outer = Scope.open(A, "a test")) {
      try (Scope inner = Scope.open(null, "a test")) {
        assertThat(Scope.currentWork()).isNull();
      }
      assertThat(Scope.currentWork()).isSameAs(A);
    }
  }

  @RepeatedTest(20)
  void any_nesting_is_restored_level_by_level(Random random) {
    Deque<Scope> open = new ArrayDeque<>();
    Deque<UnitOfWork> expected = new ArrayDeque<>();
    for (int step = 0; step < 500; step++) {
      if (expected.isEmpty() || random.nextInt(100) < 55) {
        UnitOfWork work = new Named("step " + step);
        expected.push(work);
        open.push(Scope.open(work, "step " + step));
      } else {
        expected.pop();
        open.pop().close();
      }
      assertThat(Scope.currentWork()).isSameAs(expected.peek());
    }
    open.forEach(Scope::close);
  }

  @Test
  void closing_twice_changes_nothing() {
    try (Scope outer = Scope.open(A, "a test")) {
      Scope inner = Scope.open(B, "a test");
      inner.close();
      inner.close();
      assertThat(Scope.currentWork()).isSameAs(A);
    }
  }

  @Test
  void closing_on_another_thread_is_refused_and_changes_nothing() throws Exception {
    Scope scope = Scope.open(A, "the listener");
    AtomicReference<@Nullable Throwable> refusal = new AtomicReference<>();
    AtomicReference<@Nullable UnitOfWork> there = new AtomicReference<>();
    Thread other =
        new Thread(
            () -> {
              try (Scope own = Scope.open(B, "the other")) {
                scope.close();
              } catch (IllegalStateException refused) {
                refusal.set(refused);
              }
              there.set(Scope.currentWork());
            },
            "other");
    other.start();
    other.join();
    assertThat(refusal.get())
        .hasMessageContaining("opened by the listener on thread ")
        .hasMessageContaining("was closed on thread other");
    assertThat(there.get()).isNull();
    assertThat(Scope.currentWork()).isSameAs(A);
    scope.close();
  }

  @Test
  void a_leaked_inner_scope_is_named_by_its_opener_and_the_thread_is_repaired() {
    try (Scope outermost = Scope.open(A, "outermost")) {
      Scope outer = Scope.open(B, "the outer");
      Scope leaked = Scope.open(new Named("leaked"), "the leaking library");
      assertThatThrownBy(outer::close)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("opened by the outer")
          .hasMessageContaining("opened by the leaking library inside it was still open");
      assertThat(Scope.currentWork()).isSameAs(A);
      leaked.close();
      assertThat(Scope.currentWork()).isSameAs(A);
    }
  }

  @Test
  void a_new_thread_inherits_nothing() throws Exception {
    AtomicReference<@Nullable UnitOfWork> there = new AtomicReference<>(B);
    try (Scope scope = Scope.open(A, "a test")) {
      Thread child = new Thread(() -> there.set(Scope.currentWork()));
      child.start();
      child.join();
    }
    assertThat(there.get()).isNull();
  }
}
