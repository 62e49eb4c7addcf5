package io.sandpiper.context;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A future whose functions, and those of all that follow from it, run in the scope of whoever added
 * them; a ledger is told of each until its result is there.
 *
 * <p>Whoever asks for a result, or adds a function, has seen the failure; what he adds has it then.
 */
final class ScopedFuture<T extends @Nullable Object> extends CompletableFuture<T> {

  /** What runs the functions that need no executor, as the JDK does: whoever completes. */
  private static final Executor DIRECT = Runnable::run;

  private final TaskLedger ledger;
  private final Executor usual;
  private final @Nullable CompletableFuture<T> source;
  private volatile @Nullable FutureStep step;

  private ScopedFuture(TaskLedger ledger, Executor usual, @Nullable CompletableFuture<T> source) {
    this.ledger = ledger;
    this.usual = usual;
    this.source = source;
  }

  /** Wraps a future; one that is nobody's, or wrapped already, stays as it is. */
  static <T extends @Nullable Object> CompletableFuture<T> of(
      CompletableFuture<T> source, TaskLedger ledger) {
    if (source instanceof ScopedFuture) {
      return source;
    }
    FutureStep step = FutureStep.begin(source, ledger);
    if (step.unowned()) {
      return source;
    }
    ScopedFuture<T> wrapped = new ScopedFuture<>(ledger, source.defaultExecutor(), source);
    wrapped.follow(step);
    source.whenComplete(wrapped::sourceCompleted);
    return wrapped;
  }

  private void sourceCompleted(T value, @Nullable Throwable failure) {
    if (failure == null) {
      super.complete(value);
    } else {
      super.completeExceptionally(failure);
    }
  }

  /** Ties a step to this future, which nobody else has yet. */
  private ScopedFuture<T> follow(FutureStep step) {
    this.step = step;
    super.whenComplete((value, failure) -> step.completed(failure));
    return this;
  }

  private static <U extends @Nullable Object> CompletableFuture<U> next(
      FutureStep step, CompletableFuture<U> made) {
    return made instanceof ScopedFuture<U> scoped ? scoped.follow(step) : made;
  }

  private FutureStep add(Object function) {
    failureSeen();
    return FutureStep.begin(function, ledger);
  }

  private FutureStep add(Object function, CompletionStage<?> other) {
    if (other instanceof ScopedFuture<?> scoped) {
      scoped.failureSeen();
    }
    return add(function);
  }

  private void failureSeen() {
    FutureStep own = step;
    if (own != null) {
      own.failureSeen();
    }
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> newIncompleteFuture() {
    return new ScopedFuture<>(ledger, usual, null);
  }

  @Override
  public Executor defaultExecutor() {
    return usual;
  }

  @Override
  public boolean complete(T value) {
    return source == null ? super.complete(value) : source.complete(value);
  }

  @Override
  public boolean completeExceptionally(Throwable failure) {
    return source == null
        ? super.completeExceptionally(failure)
        : source.completeExceptionally(failure);
  }

  @Override
  public boolean cancel(boolean mayInterrupt) {
    return source == null ? super.cancel(mayInterrupt) : source.cancel(mayInterrupt);
  }

  @Override
  public T get() throws InterruptedException, ExecutionException {
    try {
      return super.get();
    } catch (ExecutionException failed) {
      failureSeen();
      throw failed;
    }
  }

  @Override
  public T get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    try {
      return super.get(timeout, unit);
    } catch (ExecutionException failed) {
      failureSeen();
      throw failed;
    }
  }

  @Override
  public T join() {
    try {
      return super.join();
    } catch (RuntimeException failed) {
      failureSeen();
      throw failed;
    }
  }

  @Override
  public T getNow(T absent) {
    try {
      return super.getNow(absent);
    } catch (RuntimeException failed) {
      failureSeen();
      throw failed;
    }
  }

  @Override
  public CompletableFuture<T> copy() {
    return thenApply(value -> value);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> thenApply(
      Function<? super T, ? extends U> function) {
    return thenApplyAsync(function, DIRECT);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> thenApplyAsync(
      Function<? super T, ? extends U> function) {
    return thenApplyAsync(function, usual);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> thenApplyAsync(
      Function<? super T, ? extends U> function, Executor executor) {
    FutureStep step = add(function);
    return next(
        step,
        super.thenApplyAsync(value -> step.call(() -> function.apply(value)), on(step, executor)));
  }

  @Override
  public CompletableFuture<Void> thenAccept(Consumer<? super T> action) {
    return thenAcceptAsync(action, DIRECT);
  }

  @Override
  public CompletableFuture<Void> thenAcceptAsync(Consumer<? super T> action) {
    return thenAcceptAsync(action, usual);
  }

  @Override
  public CompletableFuture<Void> thenAcceptAsync(Consumer<? super T> action, Executor executor) {
    FutureStep step = add(action);
    return next(
        step,
        super.thenAcceptAsync(value -> step.run(() -> action.accept(value)), on(step, executor)));
  }

  @Override
  public CompletableFuture<Void> thenRun(Runnable action) {
    return thenRunAsync(action, DIRECT);
  }

  @Override
  public CompletableFuture<Void> thenRunAsync(Runnable action) {
    return thenRunAsync(action, usual);
  }

  @Override
  public CompletableFuture<Void> thenRunAsync(Runnable action, Executor executor) {
    FutureStep step = add(action);
    return next(step, super.thenRunAsync(() -> step.run(action), on(step, executor)));
  }

  @Override
  public <U extends @Nullable Object, V extends @Nullable Object> CompletableFuture<V> thenCombine(
      CompletionStage<? extends U> other, BiFunction<? super T, ? super U, ? extends V> function) {
    return thenCombineAsync(other, function, DIRECT);
  }

  @Override
  public <U extends @Nullable Object, V extends @Nullable Object>
      CompletableFuture<V> thenCombineAsync(
          CompletionStage<? extends U> other,
          BiFunction<? super T, ? super U, ? extends V> function) {
    return thenCombineAsync(other, function, usual);
  }

  @Override
  public <U extends @Nullable Object, V extends @Nullable Object>
      CompletableFuture<V> thenCombineAsync(
          CompletionStage<? extends U> other,
          BiFunction<? super T, ? super U, ? extends V> function,
          Executor executor) {
    FutureStep step = add(function, other);
    return next(
        step,
        super.thenCombineAsync(
            other,
            (value, with) -> step.call(() -> function.apply(value, with)),
            on(step, executor)));
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<Void> thenAcceptBoth(
      CompletionStage<? extends U> other, BiConsumer<? super T, ? super U> action) {
    return thenAcceptBothAsync(other, action, DIRECT);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<Void> thenAcceptBothAsync(
      CompletionStage<? extends U> other, BiConsumer<? super T, ? super U> action) {
    return thenAcceptBothAsync(other, action, usual);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<Void> thenAcceptBothAsync(
      CompletionStage<? extends U> other,
      BiConsumer<? super T, ? super U> action,
      Executor executor) {
    FutureStep step = add(action, other);
    return next(
        step,
        super.thenAcceptBothAsync(
            other,
            (value, with) -> step.run(() -> action.accept(value, with)),
            on(step, executor)));
  }

  @Override
  public CompletableFuture<Void> runAfterBoth(CompletionStage<?> other, Runnable action) {
    return runAfterBothAsync(other, action, DIRECT);
  }

  @Override
  public CompletableFuture<Void> runAfterBothAsync(CompletionStage<?> other, Runnable action) {
    return runAfterBothAsync(other, action, usual);
  }

  @Override
  public CompletableFuture<Void> runAfterBothAsync(
      CompletionStage<?> other, Runnable action, Executor executor) {
    FutureStep step = add(action, other);
    return next(step, super.runAfterBothAsync(other, () -> step.run(action), on(step, executor)));
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> applyToEither(
      CompletionStage<? extends T> other, Function<? super T, U> function) {
    return applyToEitherAsync(other, function, DIRECT);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> applyToEitherAsync(
      CompletionStage<? extends T> other, Function<? super T, U> function) {
    return applyToEitherAsync(other, function, usual);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> applyToEitherAsync(
      CompletionStage<? extends T> other, Function<? super T, U> function, Executor executor) {
    FutureStep step = add(function, other);
    return next(
        step,
        super.applyToEitherAsync(
            other, value -> step.call(() -> function.apply(value)), on(step, executor)));
  }

  @Override
  public CompletableFuture<Void> acceptEither(
      CompletionStage<? extends T> other, Consumer<? super T> action) {
    return acceptEitherAsync(other, action, DIRECT);
  }

  @Override
  public CompletableFuture<Void> acceptEitherAsync(
      CompletionStage<? extends T> other, Consumer<? super T> action) {
    return acceptEitherAsync(other, action, usual);
  }

  @Override
  public CompletableFuture<Void> acceptEitherAsync(
      CompletionStage<? extends T> other, Consumer<? super T> action, Executor executor) {
    FutureStep step = add(action, other);
    return next(
        step,
        super.acceptEitherAsync(
            other, value -> step.run(() -> action.accept(value)), on(step, executor)));
  }

  @Override
  public CompletableFuture<Void> runAfterEither(CompletionStage<?> other, Runnable action) {
    return runAfterEitherAsync(other, action, DIRECT);
  }

  @Override
  public CompletableFuture<Void> runAfterEitherAsync(CompletionStage<?> other, Runnable action) {
    return runAfterEitherAsync(other, action, usual);
  }

  @Override
  public CompletableFuture<Void> runAfterEitherAsync(
      CompletionStage<?> other, Runnable action, Executor executor) {
    FutureStep step = add(action, other);
    return next(step, super.runAfterEitherAsync(other, () -> step.run(action), on(step, executor)));
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> thenCompose(
      Function<? super T, ? extends CompletionStage<U>> function) {
    return thenComposeAsync(function, DIRECT);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> thenComposeAsync(
      Function<? super T, ? extends CompletionStage<U>> function) {
    return thenComposeAsync(function, usual);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> thenComposeAsync(
      Function<? super T, ? extends CompletionStage<U>> function, Executor executor) {
    FutureStep step = add(function);
    return next(
        step,
        super.thenComposeAsync(
            value -> step.call(() -> function.apply(value)), on(step, executor)));
  }

  @Override
  public CompletableFuture<T> whenComplete(BiConsumer<? super T, ? super Throwable> action) {
    if (action.getClass().getNestHost() == CompletableFuture.class) {
      // A part of orTimeout and the like, which looks at no failure.
      return super.whenComplete(action);
    }
    return whenCompleteAsync(action, DIRECT);
  }

  @Override
  public CompletableFuture<T> whenCompleteAsync(BiConsumer<? super T, ? super Throwable> action) {
    return whenCompleteAsync(action, usual);
  }

  @Override
  public CompletableFuture<T> whenCompleteAsync(
      BiConsumer<? super T, ? super Throwable> action, Executor executor) {
    FutureStep step = add(action);
    return next(
        step,
        super.whenCompleteAsync(
            (value, failure) -> {
              step.passesOn(failure);
              step.run(() -> action.accept(value, failure));
            },
            on(step, executor)));
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> handle(
      BiFunction<? super T, Throwable, ? extends U> function) {
    return handleAsync(function, DIRECT);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> handleAsync(
      BiFunction<? super T, Throwable, ? extends U> function) {
    return handleAsync(function, usual);
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> handleAsync(
      BiFunction<? super T, Throwable, ? extends U> function, Executor executor) {
    FutureStep step = add(function);
    return next(
        step,
        super.handleAsync(
            (value, failure) -> step.call(() -> function.apply(value, failure)),
            on(step, executor)));
  }

  @Override
  public CompletableFuture<T> exceptionally(Function<Throwable, ? extends T> function) {
    return exceptionallyAsync(function, DIRECT);
  }

  @Override
  public CompletableFuture<T> exceptionallyAsync(Function<Throwable, ? extends T> function) {
    return exceptionallyAsync(function, usual);
  }

  @Override
  public CompletableFuture<T> exceptionallyAsync(
      Function<Throwable, ? extends T> function, Executor executor) {
    FutureStep step = add(function);
    return next(
        step,
        super.exceptionallyAsync(
            failure -> step.call(() -> function.apply(failure)), on(step, executor)));
  }

  @Override
  public CompletableFuture<T> exceptionallyCompose(
      Function<Throwable, ? extends CompletionStage<T>> function) {
    return exceptionallyComposeAsync(function, DIRECT);
  }

  @Override
  public CompletableFuture<T> exceptionallyComposeAsync(
      Function<Throwable, ? extends CompletionStage<T>> function) {
    return exceptionallyComposeAsync(function, usual);
  }

  @Override
  public CompletableFuture<T> exceptionallyComposeAsync(
      Function<Throwable, ? extends CompletionStage<T>> function, Executor executor) {
    FutureStep step = add(function);
    return next(
        step,
        super.exceptionallyComposeAsync(
            failure -> step.call(() -> function.apply(failure)), on(step, executor)));
  }

  private static Executor on(FutureStep step, Executor executor) {
    return executor == DIRECT ? executor : step.on(executor);
  }
}
