/**
 * The database side of a sandbox.
 *
 * <p>{@link io.sandpiper.jdbc.SandboxDataSource} wraps a connection pool. Inside a sandbox every
 * connection it gives is a handle on the one physical connection of that sandbox; the errors are
 * {@link io.sandpiper.jdbc.SandboxException}s. Everything else is its inside: handles remember what
 * JDBC asks of a connection, leases say whose turn it is, and the physical connection knows the
 * SQL.
 */
@NullMarked
package io.sandpiper.jdbc;

import org.jspecify.annotations.NullMarked;
