/**
 * The Java agent: carries sandboxes through what the JDK runs, and watches calls of any class.
 *
 * <p>{@link io.sandpiper.agent.SandpiperAgent} is what {@code -javaagent} starts. It has {@code
 * Instruments} add calls of {@link io.sandpiper.agent.AgentBridge} to classes of the JDK; {@code
 * Carrier} answers them.
 */
@NullMarked
package io.sandpiper.agent;

import org.jspecify.annotations.NullMarked;
