package io.sandpiper.amqp;

import io.sandpiper.server.GuardedProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A worker that is a process of its own. */
final class ContractProcess implements ContractWorker {

  /**
   * How the process is started.
   *
   * @param command its command line, with placeholders
   * @param directory its working directory, or null for that of this JVM
   * @param environment variables beside those of this JVM, with placeholders
   */
  record Command(List<String> command, @Nullable Path directory, Map<String, String> environment)
      implements ContractLauncher {

    private static final Pattern PLACEHOLDER =
        Pattern.compile("\\{(uri|host|port|user|password|vhost)}");

    @Override
    public ContractWorker start(VirtualHost broker, Runnable changed) throws IOException {
      Map<String, String> values = values(broker);
      ProcessBuilder builder = new ProcessBuilder().redirectErrorStream(true);
      environment.forEach((name, value) -> builder.environment().put(name, fill(value, values)));
      if (directory != null) {
        builder.directory(directory.toFile());
      }
      List<String> filled = command.stream().map(part -> fill(part, values)).toList();
      return new ContractProcess(GuardedProcess.start(filled, builder), broker, changed);
    }

    @Override
    public String description() {
      return String.join(" ", command);
    }

    @Override
    public String remedy() {
      boolean told =
          command.stream().anyMatch(part -> PLACEHOLDER.matcher(part).find())
              || environment.values().stream().anyMatch(value -> PLACEHOLDER.matcher(value).find());
      return told
          ? "Check that it reads the broker's address from where the placeholders are"
          : "Nothing tells it where the broker is: use broker(\"NAME_OF_A_VARIABLE\"), or {uri} in"
              + " its command line or environment";
    }

    private static Map<String, String> values(VirtualHost broker) {
      Map<String, String> values = new LinkedHashMap<>();
      values.put("uri", broker.uri());
      values.put("host", broker.host());
      values.put("port", Integer.toString(broker.port()));
      values.put("user", broker.user());
      values.put("password", broker.password());
      values.put("vhost", broker.name());
      return values;
    }

    private static String fill(String text, Map<String, String> values) {
      return PLACEHOLDER
          .matcher(text)
          .replaceAll(found -> Matcher.quoteReplacement(values.getOrDefault(found.group(1), "")));
    }
  }

  private final GuardedProcess guarded;
  private final ContractOutput output;
  private final String uri;

  private ContractProcess(GuardedProcess guarded, VirtualHost broker, Runnable changed) {
    this.guarded = guarded;
    this.output = new ContractOutput(guarded.process());
    this.uri = broker.uri();
    guarded.process().onExit().thenRun(changed);
  }

  @Override
  public @Nullable String ending() {
    Process process = guarded.process();
    return process.isAlive() ? null : "exit code " + process.exitValue();
  }

  @Override
  public String output() {
    if (ending() != null) {
      output.awaitEnd();
    }
    // A worker may well print what it was started with, and that has the password.
    return output.toString().replace(uri, "{uri}");
  }

  @Override
  public void close() {
    guarded.close();
  }
}
