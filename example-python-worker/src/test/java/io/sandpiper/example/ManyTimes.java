package io.sandpiper.example;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A test that runs many times at once. The methods of one class share the number that the
 * configuration parameter {@code example.tests} gives, {@value ManyTimesExtension#DEFAULT} unless
 * it does.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@TestTemplate
@ExtendWith(ManyTimesExtension.class)
@interface ManyTimes {}
