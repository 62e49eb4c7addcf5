/**
 * Spring Data JDBC, Hibernate, jOOQ, MyBatis and Flyway inside sandboxes.
 *
 * <p>{@code FrameworkSuite} has the tests that are the same for all of them; a suite adds those of
 * its framework, and a subclass of it chooses the isolation. Surefire runs {@code FrameworksTests},
 * which runs the suites with all their tests in parallel.
 */
@NullMarked
package io.sandpiper.jdbc.frameworks;

import org.jspecify.annotations.NullMarked;
