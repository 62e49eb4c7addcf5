/**
 * P13: many tests at a time, in several JVMs on one set of queues, while messages are duplicated
 * and delayed and connections are cut.
 *
 * <p>{@link io.sandpiper.benchmarks.soak.Soak} starts the servers, a worker and the JVMs; each JVM,
 * {@link io.sandpiper.benchmarks.soak.SoakJvm}, runs an application and its tests.
 */
@NullMarked
package io.sandpiper.benchmarks.soak;

import org.jspecify.annotations.NullMarked;
