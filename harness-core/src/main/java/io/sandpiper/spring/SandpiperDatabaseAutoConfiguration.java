package io.sandpiper.spring;

import io.sandpiper.Run;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionMessage;
import org.springframework.boot.autoconfigure.condition.ConditionOutcome;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.SpringBootCondition;
import org.springframework.boot.jdbc.EmbeddedDatabaseConnection;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;
import org.springframework.core.type.AnnotatedTypeMetadata;

/**
 * Gives an application that uses PostgreSQL a database of its own on the server of the run, unless
 * the test names one.
 */
@AutoConfiguration(
    beforeName = "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration")
@ConditionalOnBooleanProperty("sandpiper.enabled")
@ConditionalOnClass(JdbcConnectionDetails.class)
class SandpiperDatabaseAutoConfiguration {

  @Bean
  @ConditionalOnMissingBean(JdbcConnectionDetails.class)
  @Conditional(WantsPostgres.class)
  JdbcConnectionDetails sandpiperJdbcConnectionDetails(Environment environment) {
    PostgresServer server =
        Run.ofThisJvm()
            .shared(PostgresServer.class, () -> PostgresServer.start(environment::getProperty));
    return new Details(
        server.createDatabase("sandpiper_" + UUID.randomUUID().toString().substring(0, 8)),
        server.ours());
  }

  private record Details(TestDatabase database, boolean ours)
      implements JdbcConnectionDetails, DatabaseTemplates.OnServer {

    @Override
    public String getJdbcUrl() {
      return database.url();
    }

    @Override
    public @Nullable String getUsername() {
      return database.user();
    }

    @Override
    public @Nullable String getPassword() {
      return database.password();
    }
  }

  static final class WantsPostgres extends SpringBootCondition {

    private static final String URL = "spring.datasource.url";

    @Override
    public ConditionOutcome getMatchOutcome(
        ConditionContext context, AnnotatedTypeMetadata metadata) {
      ConfigurableEnvironment environment = (ConfigurableEnvironment) context.getEnvironment();
      ConditionMessage.Builder because = ConditionMessage.forCondition("Sandpiper's database");
      if (environment.containsProperty("sandpiper.database.url")) {
        return ConditionOutcome.match(because.because("sandpiper.database.url is set"));
      }
      String url = environment.getProperty(URL);
      if (url == null) {
        return EmbeddedDatabaseConnection.get(context.getClassLoader())
                == EmbeddedDatabaseConnection.NONE
            ? ConditionOutcome.match(because.because("no database is configured"))
            : ConditionOutcome.noMatch(because.because("an embedded database is on the classpath"));
      }
      if (ConfiguredInTest.isSet(environment, URL)) {
        return ConditionOutcome.noMatch(because.because("a test sets " + URL));
      }
      return url.startsWith("jdbc:postgresql:")
          ? ConditionOutcome.match(because.because(URL + " is the application's own"))
          : ConditionOutcome.noMatch(because.because("the application uses no PostgreSQL"));
    }
  }
}
