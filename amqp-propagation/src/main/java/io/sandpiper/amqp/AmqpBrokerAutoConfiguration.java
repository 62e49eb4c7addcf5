package io.sandpiper.amqp;

import io.sandpiper.Run;
import io.sandpiper.spring.ConfiguredInTest;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.amqp.autoconfigure.RabbitConnectionDetails;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionMessage;
import org.springframework.boot.autoconfigure.condition.ConditionOutcome;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.SpringBootCondition;
import org.springframework.boot.ssl.SslBundle;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** Gives an application a virtual host of its own on the broker of the run. */
@AutoConfiguration(
    beforeName = "org.springframework.boot.amqp.autoconfigure.RabbitAutoConfiguration")
@ConditionalOnBooleanProperty("sandpiper.enabled")
@ConditionalOnClass(RabbitConnectionDetails.class)
class AmqpBrokerAutoConfiguration {

  @Bean
  @ConditionalOnMissingBean(RabbitConnectionDetails.class)
  @Conditional(WantsBroker.class)
  Details sandpiperRabbitConnectionDetails(Environment environment) {
    BrokerServer broker =
        Run.ofThisJvm()
            .shared(BrokerServer.class, () -> BrokerServer.start(environment::getProperty));
    return new Details(
        broker.createVirtualHost("sandpiper-" + UUID.randomUUID().toString().substring(0, 8)),
        broker.ours());
  }

  record Details(VirtualHost virtualHost, boolean ours)
      implements RabbitConnectionDetails, BrokerOfRun {

    @Override
    public List<Address> getAddresses() {
      return List.of(new Address(virtualHost.host(), virtualHost.port()));
    }

    @Override
    public String getUsername() {
      return virtualHost.user();
    }

    @Override
    public String getPassword() {
      return virtualHost.password();
    }

    @Override
    public String getVirtualHost() {
      return virtualHost.name();
    }

    @Override
    public @Nullable SslBundle getSslBundle() {
      return virtualHost.tls() ? SslBundle.systemDefault() : null;
    }
  }

  static final class WantsBroker extends SpringBootCondition {

    private static final List<String> TEST_MAY_SET =
        List.of("spring.rabbitmq.host", "spring.rabbitmq.addresses", "spring.rabbitmq.port");

    @Override
    public ConditionOutcome getMatchOutcome(
        ConditionContext context, AnnotatedTypeMetadata metadata) {
      ConfigurableEnvironment environment = (ConfigurableEnvironment) context.getEnvironment();
      ConditionMessage.Builder because = ConditionMessage.forCondition("Sandpiper's broker");
      if (environment.containsProperty("sandpiper.rabbit.url")) {
        return ConditionOutcome.match(because.because("sandpiper.rabbit.url is set"));
      }
      for (String property : TEST_MAY_SET) {
        if (ConfiguredInTest.isSet(environment, property)) {
          return ConditionOutcome.noMatch(because.because("a test sets " + property));
        }
      }
      return ConditionOutcome.match(because.because("no test names a broker"));
    }
  }
}
