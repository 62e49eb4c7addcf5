/**
 * JUnit: {@link io.sandpiper.junit.SandboxExtension}, which {@code @Sandboxed} registers, opens and
 * ends the sandbox of each test.
 */
@NullMarked
package io.sandpiper.junit;

import org.jspecify.annotations.NullMarked;
