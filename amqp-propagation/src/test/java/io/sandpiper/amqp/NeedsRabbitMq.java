package io.sandpiper.amqp;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Skips, and says why, what the embedded broker does not have, where no broker is configured.
 *
 * <p>With {@code -Damqp.rabbitmq=required} the tests run all the same, and fail on any other
 * broker.
 */
final class NeedsRabbitMq implements ExecutionCondition {

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    if ("required".equals(System.getProperty("amqp.rabbitmq"))) {
      return ConditionEvaluationResult.enabled("-Damqp.rabbitmq=required");
    }
    if (System.getenv("SANDPIPER_RABBIT_URL") != null) {
      return ConditionEvaluationResult.enabled("SANDPIPER_RABBIT_URL is set");
    }
    String reason = "The embedded broker has no dead letters. Set SANDPIPER_RABBIT_URL.";
    System.out.println(context.getDisplayName() + " is skipped. " + reason);
    return ConditionEvaluationResult.disabled(reason);
  }
}
