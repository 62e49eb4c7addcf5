/**
 * Spring: wiring only.
 *
 * <p>{@link io.sandpiper.spring.HarnessContextCustomizerFactory} switches the harness on in test
 * contexts, {@link io.sandpiper.spring.SandboxTestExecutionListener} opens the sandbox of a test
 * before Spring does anything for it, and the auto-configurations wrap connection pools and task
 * executors and provide a database.
 */
@NullMarked
package io.sandpiper.spring;

import org.jspecify.annotations.NullMarked;
