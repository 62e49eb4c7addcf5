package io.sandpiper.jdbc;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the log of work that belongs to no test and was refused, once for each place: whoever
 * started it may swallow the exception, and the test would pass though nothing was written.
 */
final class RefusalLog {

  private static final Logger LOG = LoggerFactory.getLogger(RefusalLog.class);

  private static final int MOST = 100;

  private final Set<String> told = ConcurrentHashMap.newKeySet();

  /** Returns the same. */
  UnownedAccessException told(UnownedAccessException refused) {
    if (told.size() < MOST && told.add(refused.where())) {
      LOG.warn(refused.getMessage());
    }
    return refused;
  }
}
