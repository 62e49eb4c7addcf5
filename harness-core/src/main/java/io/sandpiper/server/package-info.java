/**
 * The servers that a test run stands on.
 *
 * <p>{@link io.sandpiper.server.PostgresServer} gives {@link io.sandpiper.server.TestDatabase}s. A
 * server is found in the order that {@link io.sandpiper.server.ServerChoice} keeps, for PostgreSQL
 * here and for brokers elsewhere: the configured one, a container, an embedded one. What the run
 * started dies with its JVM, also on {@code kill -9}: containers as {@link
 * io.sandpiper.server.GuardedContainer}s, processes as {@link io.sandpiper.server.GuardedProcess}es
 * or by the same watchdog.
 */
@NullMarked
package io.sandpiper.server;

import org.jspecify.annotations.NullMarked;
