package io.sandpiper.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory of one embedded PostgreSQL server: its data, its log, and the lock that shows that
 * the JVM it belongs to is alive.
 *
 * <p>A lock and not a process id: containers may share a temporary directory without sharing
 * process ids.
 */
final class RunDirectory {

  private static final Logger log = LoggerFactory.getLogger(RunDirectory.class);

  private static final String PREFIX = "sandpiper-pg-";
  private static final long ROOM = 1L << 30;

  /**
   * Stops the server of the directory {@code $1}, if one runs, and removes the directory.
   *
   * <p>It asks in a loop because it may have come while a server was starting, and it cannot wait
   * on a process that is not its child. The process id is believed only while that process names
   * the directory on its command line. SIGQUIT is PostgreSQL's immediate stop.
   */
  private static final String REMOVE =
      """
      serves() {
        { tr '\\0' ' ' <"/proc/$pid/cmdline" || ps -o args= -p "$pid"; } 2>/dev/null |
          grep -qF -- "$1/data"
      }
      n=0
      while [ -e "$1" ] && [ $n -lt 200 ]; do
        pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
        if [ -n "$pid" ] && serves "$1"; then
          if [ $n -lt 150 ]; then kill -QUIT "$pid"; else kill -KILL "$pid"; fi
        else
          rm -rf -- "$1"
        fi
        [ ! -e "$1" ] || sleep 0.05
        n=$((n + 1))
      done
      [ ! -e "$1" ]
      """;

  private final Path path;
  // Held, not used: the lock ends when the channel is closed or collected, or this JVM is gone.
  private final FileChannel lock;
  private final Watchdog watchdog;

  private RunDirectory(Path path, FileChannel lock, Watchdog watchdog) {
    this.path = path;
    this.lock = lock;
    this.watchdog = watchdog;
  }

  /** Makes a directory that is removed with this JVM, and removes what dead runs left there. */
  static RunDirectory create() {
    Path parent = parent();
    removeStale(parent);
    try {
      Path path = Files.createTempDirectory(parent, ownPrefix());
      FileChannel lock = openLock(path);
      if (lock.tryLock() == null) {
        throw new IOException("Another process holds the lock of " + path);
      }
      Watchdog watchdog = Watchdog.start(REMOVE, path.toString());
      // The server lives as long as this JVM, also where nobody keeps more of it than its URL.
      watchdog.keep(lock);
      return new RunDirectory(path, lock, watchdog);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "No directory for PostgreSQL could be made in %s; set java.io.tmpdir to a place that is writable"
              .formatted(parent),
          e);
    }
  }

  Path data() {
    return path.resolve("data");
  }

  Path log() {
    return path.resolve("log");
  }

  /** Whether this JVM runs as root. */
  boolean isOwnedByRoot() throws IOException {
    return Integer.valueOf(0).equals(Files.getAttribute(path, "unix:uid"));
  }

  /** Leaves the directory and its server to the next run, which removes what no run holds. */
  void leave() {
    try (lock) {
      watchdog.close();
    } catch (IOException e) {
      throw new UncheckedIOException("The lock of %s could not be released".formatted(path), e);
    }
  }

  /** Stops the server that runs here, if one does, and removes the directory. */
  void remove() {
    try (lock) {
      watchdog.release();
    } catch (IOException e) {
      throw new UncheckedIOException("The lock of %s could not be released".formatted(path), e);
    }
  }

  private static Path parent() {
    Path memory = Path.of("/dev/shm");
    return hasRoom(memory) ? memory : Path.of(System.getProperty("java.io.tmpdir"));
  }

  /** A container's /dev/shm has 64 MB by default, which a few databases fill. */
  private static boolean hasRoom(Path directory) {
    try {
      return Files.isWritable(directory) && Files.getFileStore(directory).getUsableSpace() >= ROOM;
    } catch (IOException e) {
      log.debug("{} is not used", directory, e);
      return false;
    }
  }

  private static String ownPrefix() {
    return PREFIX + ProcessHandle.current().pid() + "-";
  }

  private static FileChannel openLock(Path directory) throws IOException {
    return FileChannel.open(
        directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  private static void removeStale(Path parent) {
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(parent, PREFIX + "*")) {
      for (Path directory : directories) {
        removeIfStale(directory);
      }
    } catch (IOException e) {
      log.warn("Directories of dead runs in {} could not be looked for", parent, e);
    }
  }

  /** Leaves this JVM's own alone: closing a second channel on a lock file would drop its lock. */
  private static void removeIfStale(Path directory) {
    Path lockFile = directory.resolve("lock");
    if (directory.getFileName().toString().startsWith(ownPrefix()) || !Files.isWritable(lockFile)) {
      return;
    }
    try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.WRITE)) {
      @Nullable FileLock free = channel.tryLock();
      if (free != null) {
        log.info("Removing {}, left behind by a run that is gone", directory);
        Watchdog.start(REMOVE, directory.toString()).release();
      }
    } catch (IOException | IllegalStateException e) {
      log.warn("{} is left behind by a run that is gone and could not be removed", directory, e);
    }
  }
}
