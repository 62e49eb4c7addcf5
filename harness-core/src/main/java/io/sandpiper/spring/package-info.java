/**
 * Spring: wiring only.
 *
 * <p>{@link io.sandpiper.spring.HarnessContextCustomizerFactory} switches the harness on in test
 * contexts, {@link io.sandpiper.spring.SandboxTestExecutionListener} opens the sandbox of a test
 * before Spring does anything for it, and the auto-configurations wrap connection pools and
 * executors and provide a database. {@link io.sandpiper.spring.ExecutorProxies} makes executors
 * carry the scope, {@link io.sandpiper.spring.AsyncPostProcessor} reaches those that are no beans,
 * {@link io.sandpiper.spring.ScheduledTicks} keeps the scheduler quiet, {@link
 * io.sandpiper.spring.ContextUnderTest} ticks and watches for a test, and {@link
 * io.sandpiper.spring.SandboxScope} is the scope {@code sandbox}.
 */
@NullMarked
package io.sandpiper.spring;

import org.jspecify.annotations.NullMarked;
