package io.sandpiper.spring;

import io.sandpiper.jdbc.SandboxDataSource;
import java.sql.SQLException;
import java.util.Collection;
import java.util.Locale;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationContext;
import org.springframework.core.env.Environment;

/**
 * Makes the templates of isolation DATABASE when a context has started: then nobody works on the
 * database, which later has to be waited for.
 *
 * <p>On a server of ours it does so always, because it is quick there; on one that is configured
 * only where the settings say that such tests will come. A template that could not be made is made
 * when the first test asks.
 */
final class DatabaseTemplates {

  private static final Logger LOG = LoggerFactory.getLogger(DatabaseTemplates.class);

  private static final String WHEN = "sandpiper.database.template";

  private final Supplier<Collection<SandboxDataSource>> dataSources;

  DatabaseTemplates(Supplier<Collection<SandboxDataSource>> dataSources) {
    this.dataSources = dataSources;
  }

  /** Database connection details that know whose server they lead to. */
  interface OnServer {

    /** Whether the server belongs to this run alone. */
    boolean ours();
  }

  void prepare(ApplicationContext context) {
    if (isWanted(context)) {
      dataSources.get().forEach(DatabaseTemplates::prepare);
    }
  }

  private static boolean isWanted(ApplicationContext context) {
    Environment environment = context.getEnvironment();
    String when = environment.getProperty(WHEN, "auto").toLowerCase(Locale.ROOT);
    return switch (when) {
      case "start" -> true;
      case "first-use" -> false;
      case "auto" ->
          environment.getProperty("sandpiper.database.clones", Integer.class, 0) > 0
              || context.getBeanProvider(OnServer.class).stream().anyMatch(OnServer::ours);
      default ->
          throw new IllegalArgumentException(
              "%s is \"%s\". Set it to auto, start or first-use.".formatted(WHEN, when));
    };
  }

  private static void prepare(SandboxDataSource dataSource) {
    try {
      // An application that has not used a pool until now may never, and its server may not be
      // there.
      if (dataSource.isUsed()) {
        dataSource.prepareTemplate();
      }
    } catch (SQLException failed) {
      LOG.debug("No template yet for isolation DATABASE: {}", failed.getMessage(), failed);
    }
  }
}
