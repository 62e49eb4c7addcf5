package io.sandpiper;

import io.sandpiper.junit.SandboxExtension;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives each test of a class, or one test method, a sandbox of its own.
 *
 * <p>On a method it takes precedence over the class. Usable as a meta-annotation; inherited by
 * subclasses and nested test classes.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@ExtendWith(SandboxExtension.class)
public @interface Sandboxed {

  /** What the sandbox keeps apart. */
  Isolation isolation() default Isolation.TRANSACTION;

  /** What an error in the test's background work (listener calls, tasks) does. */
  BackgroundErrors backgroundErrors() default BackgroundErrors.FAIL;

  /** Where the tasks of executors run that the test submits, or whatever it has caused. */
  Background background() default Background.CONCURRENT;

  /** Where tasks run. */
  enum Background {
    /** On the threads of their executors, as in production. */
    CONCURRENT,
    /**
     * At once, in the thread that submits them, so that they have ended when it goes on: delayed
     * ones without their delay, periodic ones once. A task that waits for what comes after it has
     * returned is named and interrupted.
     */
    INLINE
  }

  /** What an error in background work does to the test. */
  enum BackgroundErrors {
    /** The test fails with the error as cause. */
    FAIL,
    /**
     * The error is written into the journal and logged as a warning; the test does not fail. So is
     * work that has not ended in time.
     */
    REPORT
  }
}
