package io.sandpiper;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.junit.jupiter.api.function.Executable;
import org.slf4j.LoggerFactory;

/** What a class warns of in the log, also where the tests' log is silent about it. */
public final class Warnings {

  private Warnings() {}

  /** The warnings that come while something is done, oldest first. */
  public static List<String> of(Class<?> type, Executable deed) throws Throwable {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(type);
    Level usual = logger.getLevel();
    logger.setLevel(Level.WARN);
    logger.addAppender(log);
    try {
      deed.execute();
    } finally {
      logger.detachAppender(log);
      logger.setLevel(usual);
    }
    return log.list.stream()
        .filter(event -> event.getLevel() == Level.WARN)
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }
}
