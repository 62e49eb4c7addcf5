/**
 * The database side of a sandbox.
 *
 * <p>{@link io.sandpiper.jdbc.SandboxDataSource} wraps a connection pool. Inside a sandbox every
 * connection it gives is a handle on the one physical connection of that sandbox, or leads to the
 * database of its test; the errors are {@link io.sandpiper.jdbc.SandboxException}s. Everything else
 * is its inside: handles remember what JDBC asks of a connection, leases say whose turn it is, a
 * {@link io.sandpiper.jdbc.Session} is the one transaction, and its {@link
 * io.sandpiper.jdbc.Savepoints} are those of the application. For isolation DATABASE {@link
 * io.sandpiper.jdbc.TemplateMaker} copies the application's database, {@link
 * io.sandpiper.jdbc.Clones} has copies of the copy ready, and a {@link io.sandpiper.jdbc.Clone} is
 * that of one test.
 */
@NullMarked
package io.sandpiper.jdbc;

import org.jspecify.annotations.NullMarked;
