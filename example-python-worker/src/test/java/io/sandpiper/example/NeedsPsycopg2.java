package io.sandpiper.example;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Skips, and says why, where the worker cannot write into a database because psycopg2 is not there
 * and cannot be installed: then the other tests are worth running.
 *
 * <p>With {@code -Dexample.join=required} they run all the same, and fail.
 */
final class NeedsPsycopg2 implements ExecutionCondition {

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    if ("required".equals(System.getProperty("example.join"))) {
      return ConditionEvaluationResult.enabled("-Dexample.join=required");
    }
    String reason = Python.whyNoPsycopg2();
    if (reason == null) {
      return ConditionEvaluationResult.enabled("psycopg2 is there");
    }
    System.out.println(context.getDisplayName() + " is skipped. " + reason);
    return ConditionEvaluationResult.disabled(reason);
  }
}
