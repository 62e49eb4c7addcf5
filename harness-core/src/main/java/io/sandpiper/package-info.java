/**
 * What a test sees of Sandpiper, and what carries a test id.
 *
 * <p>For tests: {@link io.sandpiper.Sandboxed} on a class or method, {@link
 * io.sandpiper.SandboxAssertions} with {@link io.sandpiper.Expectation}, {@link
 * io.sandpiper.Sandbox}, {@link io.sandpiper.Hop} and {@link io.sandpiper.Journal}.
 *
 * <p>For integrations: {@link io.sandpiper.Run} opens, recognises and ends sandboxes, {@link
 * io.sandpiper.Work} is a unit of work that a thread is bound to, {@link io.sandpiper.Propagation}
 * writes and reads ids, {@link io.sandpiper.SandboxPart} is a resource that ends with its sandbox,
 * {@link io.sandpiper.CallWatcher} and {@link io.sandpiper.WatchedCall} tell of calls.
 */
@NullMarked
package io.sandpiper;

import org.jspecify.annotations.NullMarked;
