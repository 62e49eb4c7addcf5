package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** A JVM with the agent that runs test classes, because an agent changes the whole of a JVM. */
final class AgentJvm {

  private static final int LIMIT_S = 300;

  private final Path directory;
  private final List<String> options = new ArrayList<>();

  /** What became of one test: an empty failure is a success. */
  record Outcome(String test, String status, String failure) {

    static Outcome parse(String line) {
      String[] parts = line.split("\t", -1);
      return new Outcome(parts[0], parts[1], new String(Base64.getDecoder().decode(parts[2])));
    }

    String line() {
      return "%s\t%s\t%s"
          .formatted(test, status, Base64.getEncoder().encodeToString(failure.getBytes()));
    }
  }

  AgentJvm(Path directory) {
    this.directory = directory;
  }

  AgentJvm option(String option) {
    options.add(option);
    return this;
  }

  /** With {@code -javaagent}, of a jar that has nothing but the manifest of the real one. */
  AgentJvm withAgent() throws Exception {
    Path jar = directory.resolve("agent.jar");
    new JarOutputStream(Files.newOutputStream(jar), manifest()).close();
    return option("-javaagent:" + jar);
  }

  /** What the jar of this module says, by the configuration of the plugin that makes it. */
  private static Manifest manifest() throws Exception {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    NodeList entries =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(Path.of(System.getProperty("basedir", ""), "pom.xml").toAbsolutePath().toFile())
            .getElementsByTagName("manifestEntries")
            .item(0)
            .getChildNodes();
    for (int i = 0; i < entries.getLength(); i++) {
      if (entries.item(i) instanceof Element entry) {
        manifest
            .getMainAttributes()
            .put(new Attributes.Name(entry.getTagName()), entry.getTextContent());
      }
    }
    return manifest;
  }

  List<Outcome> run(Class<?>... testClasses) throws IOException, InterruptedException {
    Path results = Files.createTempFile(directory, "results", ".tsv");
    List<String> arguments =
        Stream.concat(Stream.of(results.toString()), Stream.of(testClasses).map(Class::getName))
            .toList();
    Path log = directory.resolve("log.txt");
    int exit = start(AgentTestRun.class, classPath(), arguments, log);
    assertThat(exit).as(() -> read(log)).isZero();
    return Files.readAllLines(results).stream().map(Outcome::parse).toList();
  }

  int start(Class<?> main, String classPath, List<String> arguments, Path log)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", classPath, main.getName()));
    command.addAll(arguments);
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(log.toFile()))
            .start();
    try {
      assertThat(process.waitFor(LIMIT_S, TimeUnit.SECONDS))
          .as(() -> "the JVM has ended within %d s:%n%s".formatted(LIMIT_S, read(log)))
          .isTrue();
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  static String classPath() {
    // Surefire puts a jar with a manifest on the class path and names the entries here.
    return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
  }

  static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException unreadable) {
      return unreadable.toString();
    }
  }
}
