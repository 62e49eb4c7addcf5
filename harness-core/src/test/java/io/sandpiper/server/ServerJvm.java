package io.sandpiper.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A JVM of its own that starts a PostgreSQL server, for tests to kill. */
final class ServerJvm implements AutoCloseable {

  private static final String ANSWER = "url ";

  private final Process process;
  private final TestDatabase database;

  private ServerJvm(Process process, TestDatabase database) {
    this.process = process;
    this.database = database;
  }

  public static void main(String... arguments) throws IOException {
    PostgresServer server = PostgresServer.start(System::getProperty);
    TestDatabase database = server.createDatabase("killed");
    System.out.println(ANSWER + database.url() + " " + database.user() + " " + database.password());
    System.in.read();
  }

  static ServerJvm start(Map<String, String> settings) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    settings.forEach((name, value) -> command.add("-D" + name + "=" + value));
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), ServerJvm.class.getName()));
    Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
    return new ServerJvm(process, answer(process));
  }

  TestDatabase database() {
    return database;
  }

  void kill() {
    process.destroyForcibly();
  }

  @Override
  public void close() {
    kill();
  }

  private static TestDatabase answer(Process process) throws IOException {
    BufferedReader output = process.inputReader();
    String line = output.readLine();
    while (line != null && !line.startsWith(ANSWER)) {
      line = output.readLine();
    }
    if (line == null) {
      throw new IOException("The JVM ended without having started a server");
    }
    String[] parts = line.substring(ANSWER.length()).split(" ", -1);
    return new TestDatabase(parts[0], parts[1], parts[2]);
  }
}
