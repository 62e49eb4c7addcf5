package io.sandpiper.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A JVM of its own that starts a PostgreSQL server, for tests to kill. */
final class ServerJvm implements AutoCloseable {

  private static final String ANSWER = "url ";
  private static final String COLLECTED = "collected ";
  private static final int COLLECTIONS = 400;
  private static final long BETWEEN_COLLECTIONS_MILLIS = 50;

  private final Process process;
  private final BufferedReader output;
  private final TestDatabase database;

  private ServerJvm(Process process) throws IOException {
    this.process = process;
    this.output = process.inputReader();
    String[] parts = answer(ANSWER).split(" ", -1);
    this.database = new TestDatabase(parts[0], parts[1], parts[2]);
  }

  /** Keeps nothing of the server but its process. Answers the first line with collections. */
  public static void main(String... arguments) throws Exception {
    ReferenceQueue<Object> collected = new ReferenceQueue<>();
    PhantomReference<Object> server = startAndForget(collected);
    if (System.in.read() >= 0) {
      System.gc();
      if (collected.remove(TimeUnit.SECONDS.toMillis(20)) != server) {
        throw new IllegalStateException("Somebody holds the server");
      }
      System.out.println(COLLECTED + lockAndForget());
      for (int i = 0; i < COLLECTIONS && System.in.available() == 0; i++) {
        System.gc();
        collected.remove(BETWEEN_COLLECTIONS_MILLIS);
      }
      System.in.read();
    }
  }

  /** A lock that lasts until the JDK has cleaned up after collections. */
  private static Path lockAndForget() throws IOException {
    Path file = Files.createTempFile("sandpiper-lock", "");
    if (FileChannel.open(file, StandardOpenOption.WRITE).tryLock() == null) {
      throw new IllegalStateException(file + " is locked");
    }
    return file;
  }

  private static PhantomReference<Object> startAndForget(ReferenceQueue<Object> collected) {
    PostgresServer server = PostgresServer.start(System::getProperty);
    TestDatabase database = server.createDatabase("killed");
    System.out.println(ANSWER + database.url() + " " + database.user() + " " + database.password());
    return new PhantomReference<>(server, collected);
  }

  static ServerJvm start(Map<String, String> settings) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    settings.forEach((name, value) -> command.add("-D" + name + "=" + value));
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), ServerJvm.class.getName()));
    Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
    return new ServerJvm(process);
  }

  TestDatabase database() {
    return database;
  }

  /** Waits until that JVM has no object of its server any more, nor what went with it. */
  void collectGarbage() throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
    Path file = Path.of(answer(COLLECTED));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        FileLock free = channel.lock()) {
      assertThat(free.isValid()).isTrue();
    } finally {
      Files.delete(file);
    }
  }

  void kill() {
    process.destroyForcibly();
  }

  @Override
  public void close() {
    kill();
  }

  /** What follows the beginning of the next line that begins so. */
  private String answer(String beginning) throws IOException {
    String line = output.readLine();
    while (line != null && !line.startsWith(beginning)) {
      line = output.readLine();
    }
    if (line == null) {
      throw new IOException("The JVM ended without having said \"%s\"".formatted(beginning));
    }
    return line.substring(beginning.length());
  }
}
