/**
 * Scopes: which unit of work the current thread is doing, and executors that carry it to other
 * threads.
 *
 * <p>{@link io.sandpiper.context.Scope} binds the thread, {@link io.sandpiper.context.UnitOfWork}
 * is what it is bound to, {@link io.sandpiper.context.ScopedExecutors} carries it. Nothing here
 * knows what a sandbox is.
 */
@NullMarked
package io.sandpiper.context;

import org.jspecify.annotations.NullMarked;
