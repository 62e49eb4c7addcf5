/**
 * HTTP: the test id on requests that leave a test.
 *
 * <p>{@link io.sandpiper.http.HttpPropagation} is the entry. {@code StampingInterceptor} records
 * every request of a test and stamps those to {@code StampedHosts}.
 */
@NullMarked
package io.sandpiper.http;

import org.jspecify.annotations.NullMarked;
