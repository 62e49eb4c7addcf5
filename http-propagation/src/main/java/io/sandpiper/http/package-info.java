/**
 * HTTP: the test id on requests that leave a test, and the test's scope around requests that come
 * in.
 *
 * <p>{@link io.sandpiper.http.HttpPropagation} is the entry for whoever wires by hand; with Spring
 * Boot the auto-configuration does. Inbound, {@code SandboxFilter} shows each request to the run:
 * an accepted one becomes a {@code Handling} that binds the scope in every dispatch, a refused one
 * is answered with a {@code Problem}, any other is left alone. {@code RecordedBody} lets both the
 * mailbox and the application read one body. These need the Servlet API alone. Outbound, {@code
 * StampingInterceptor} records every request of a test and stamps those to {@code StampedHosts}.
 */
@NullMarked
package io.sandpiper.http;

import org.jspecify.annotations.NullMarked;
