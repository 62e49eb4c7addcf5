/**
 * The figures that Sandpiper is measured by, measured.
 *
 * <p>{@link io.sandpiper.benchmarks.Benchmarks} is the program; each {@code …Figure} is one row of
 * the table and says in its Javadoc what exactly it compares; {@code Blocks} is the way ratios are
 * taken, {@code Lab} the two ways to one connection.
 */
@NullMarked
package io.sandpiper.benchmarks;

import org.jspecify.annotations.NullMarked;
