package io.sandpiper.agent;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Journal;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.dynamic.loading.ClassLoadingStrategy;
import net.bytebuddy.implementation.Implementation;
import net.bytebuddy.implementation.bytecode.ByteCodeAppender;
import net.bytebuddy.jar.asm.Opcodes;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Classes of every shape, and what their methods are given; run by {@link AgentTests} with and
 * without the agent.
 */
@Timeout(60)
@Sandboxed(isolation = Isolation.NONE)
class WatchedFamilies {

  private static final Duration AT_ONCE = Duration.ofHours(1);

  private static List<String> calls(Sandbox sandbox) {
    return sandbox.journal().entries().stream()
        .map(Journal.Entry::text)
        .filter(text -> text.startsWith("called "))
        .map(text -> text.replaceAll("^[^(]*[.]", ""))
        .toList();
  }

  /** Its constants are classes that its initializer loads. */
  enum Light {
    RED {
      @Override
      int seconds() {
        return 30;
      }
    },
    GREEN {
      @Override
      int seconds() {
        return 20;
      }
    };

    abstract int seconds();
  }

  @Test
  void constants_of_an_enum_that_is_not_initialized_are_watched(Sandbox sandbox) {
    sandbox.watch(Light.class);
    assertThat(Light.RED.seconds() + Light.GREEN.seconds()).isEqualTo(50);
    assertThat(calls(sandbox)).containsExactly("seconds()  returned 30", "seconds()  returned 20");
  }

  /** What it permits is loaded by nobody before. */
  sealed interface Shape permits Square, Circle {
    int area();
  }

  record Square(int side) implements Shape {
    @Override
    public int area() {
      return side * side;
    }
  }

  record Circle(int radius) implements Shape {
    @Override
    public int area() {
      return 3 * radius * radius;
    }
  }

  @Test
  void what_a_sealed_interface_permits_is_watched(Sandbox sandbox) {
    sandbox.watch(Shape.class);
    assertThat(new Square(2).area() + new Circle(1).area()).isEqualTo(7);
    assertThat(calls(sandbox)).containsExactly("area()  returned 4", "area()  returned 3");
  }

  /** Inherited by what is watched. */
  abstract static class Base<T> {
    String handle(T what) {
      return "base " + what;
    }

    final String inherited() {
      return "inherited";
    }
  }

  interface Named {
    default String name() {
      return "by default";
    }
  }

  static class Handler extends Base<String> implements Named {
    @Override
    String handle(String what) {
      return super.handle(what + "!");
    }
  }

  private static final class Other extends Base<Integer> implements Named {}

  @Test
  void inherited_methods_are_watched_and_generic_ones_once(Sandbox sandbox) {
    sandbox.watch(Handler.class);
    Handler handler = new Handler();
    Base<String> base = handler;
    base.handle("a");
    handler.inherited();
    handler.name();
    Other other = new Other();
    other.handle(1);
    other.inherited();
    other.name();
    assertThat(calls(sandbox))
        .containsExactly(
            "handle(\"a\")  returned base a!",
            "inherited()  returned inherited",
            "name()  returned by default");
    assertReceive(called(Handler.class, "inherited"), Duration.ZERO);
  }

  static class Mailer {
    void send(List<String> to) {
      to.clear();
    }

    int count(Iterator<String> texts) {
      int count = 0;
      for (; texts.hasNext(); texts.next()) {
        count++;
      }
      return count;
    }

    String send(String one, @Nullable Object... more) {
      return one + more.length;
    }

    int factorial(int of) {
      return of < 2 ? 1 : of * factorial(of - 1);
    }

    CompletableFuture<String> later() {
      return new CompletableFuture<>();
    }

    CompletableFuture<String> now() {
      return CompletableFuture.completedFuture("done");
    }

    static void inGeneral() {}

    private void inSecret() {}

    void reveal() {
      inSecret();
    }
  }

  @Test
  void arguments_are_recorded_as_they_were_and_left_as_they_are(Sandbox sandbox) {
    sandbox.watch(Mailer.class);
    Mailer mailer = new Mailer();
    mailer.send(new ArrayList<>(List.of("ann", "bob")));
    assertThat(mailer.count(List.of("a", "b", "c").iterator())).isEqualTo(3);
    Hop sent = assertReceive(called(Mailer.class, "send").json("/0/1", "bob"));
    assertThat(sent).hasToString("called %s.send([\"ann\",\"bob\"])  returned", name(Mailer.class));
    assertReceive(called(Mailer.class, "count").header("outcome", "returned 3"));
  }

  private static String name(Class<?> type) {
    return type.getName();
  }

  @Test
  void overloads_varargs_nulls_recursion_and_futures_are_recorded_as_they_are(Sandbox sandbox) {
    sandbox.watch(Mailer.class);
    Mailer mailer = new Mailer();
    mailer.send(new ArrayList<>());
    mailer.send("a", 1, null);
    mailer.factorial(3);
    mailer.later();
    mailer.now();
    assertThat(calls(sandbox))
        .containsExactly(
            "send([])  returned",
            "send(\"a\",[1,null])  returned a2",
            "factorial(1)  returned 1",
            "factorial(2)  returned 2",
            "factorial(3)  returned 6",
            "later()  returned CompletableFuture[not completed]",
            "now()  returned CompletableFuture[done]");
  }

  @Test
  void what_is_not_watched_or_cannot_be_is_refused_at_once(Sandbox sandbox) {
    assertThatThrownBy(() -> assertReceive(called(Mailer.class, "send"), AT_ONCE))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "Calls of %s are not watched in %s: call sandbox.watch(Mailer.class) before they are"
                + " made.",
            name(Mailer.class), sandbox.testName());
    sandbox.watch(Mailer.class);
    new Mailer().reveal();
    Mailer.inGeneral();
    String has = "; it has: count, factorial, later, now, reveal, send.";
    assertThatThrownBy(() -> assertReceive(called(Mailer.class, "sendd"), AT_ONCE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(name(Mailer.class) + " has no method sendd that can be watched" + has);
    assertThatThrownBy(() -> refuteReceive(called(Mailer.class, "inSecret"), AT_ONCE))
        .hasMessageContaining("no method inSecret that can be watched (it is private)" + has);
    assertThatThrownBy(() -> assertReceive(called(Mailer.class, "inGeneral"), AT_ONCE))
        .hasMessageContaining("no method inGeneral that can be watched (it is static)" + has);
    refuteReceive(called(Mailer.class, "send"), Duration.ZERO);
  }

  /** Extended by what is loaded later. */
  public static class Extended {
    public void touch() {}
  }

  @Test
  void a_class_that_is_loaded_later_and_cannot_be_changed_is_told_to_who_watches(Sandbox sandbox)
      throws Exception {
    sandbox.watch(Extended.class);
    refuteReceive(called(Extended.class, "touch"), Duration.ZERO);
    Extended tooLong =
        new ByteBuddy()
            .subclass(Extended.class)
            .name(Extended.class.getName() + "TooLong")
            .defineMethod("idle", void.class)
            .intercept(new Implementation.Simple(methodOf(65_530)))
            .make()
            .load(Extended.class.getClassLoader(), ClassLoadingStrategy.Default.INJECTION)
            .getLoaded()
            .getDeclaredConstructor()
            .newInstance();
    tooLong.touch();
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> refuteReceive(called(Extended.class, "touch"), AT_ONCE))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("Calls of %s may be missing in ", name(Extended.class))
          .hasMessageContaining(
              "%sTooLong was loaded after sandbox.watch and could not be changed to tell of its"
                  + " calls (net.bytebuddy.jar.asm.MethodTooLargeException",
              name(Extended.class));
    }
    sandbox.watch(Mailer.class);
    refuteReceive(called(Mailer.class, "send"), Duration.ZERO);
  }

  private static ByteCodeAppender methodOf(int instructions) {
    return (visitor, context, method) -> {
      for (int i = 0; i < instructions; i++) {
        visitor.visitInsn(Opcodes.NOP);
      }
      visitor.visitInsn(Opcodes.RETURN);
      return new ByteCodeAppender.Size(0, 1);
    };
  }

  @Test
  void interleaved_tests_on_shared_threads_have_their_own_calls() throws Exception {
    Run run = Run.ofThisJvm();
    ExecutorService pool = Executors.newFixedThreadPool(2);
    ExecutorService scoped = Sandbox.wrap(pool);
    List<Sandbox> watching = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      watching.add(run.open(Sandbox.Settings.of("T.w" + i, Isolation.NONE, this)));
    }
    Sandbox neighbour = run.open(Sandbox.Settings.of("T.n", Isolation.NONE, this));
    watching.forEach(each -> each.watch(Mailer.class));
    Mailer mailer = new Mailer();
    for (int i = 0; i < 250; i++) {
      for (Sandbox each : List.of(watching.get(0), watching.get(1), watching.get(2), neighbour)) {
        int number = i;
        try (Scope scope = each.test().bind()) {
          scoped.execute(() -> mailer.send(each.testName(), number));
        }
      }
    }
    for (Sandbox each : watching) {
      run.end(each, null);
      assertThat(calls(each))
          .hasSize(each == watching.get(3) ? 0 : 250)
          .allMatch(call -> call.startsWith("send(\"%s\",[".formatted(each.testName())));
    }
    run.end(neighbour, null);
    assertThat(calls(neighbour)).isEmpty();
    pool.shutdown();
  }
}
