package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import jakarta.annotation.PreDestroy;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The exit of a JVM with an application context, which two shutdown hooks close. */
@Timeout(120)
class ExitTests {

  @EnableAutoConfiguration
  @Import(LastWords.class)
  static class Application {

    public static void main(String... arguments) {
      new SpringApplicationBuilder(Application.class)
          .properties("sandpiper.enabled=true", "sandpiper.leak-check=true")
          .run();
    }
  }

  /** Asks the database when the hook of the harness is as far as it gets. */
  static class LastWords {

    private final JdbcClient database;

    LastWords(JdbcClient database) {
      this.database = database;
    }

    @PreDestroy
    void say() {
      long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
      while (!stands(hook()) && System.nanoTime() < deadline) {
        Thread.onSpinWait();
      }
      System.out.println("last " + database.sql("SELECT 4711").query(Integer.class).single());
    }

    private static @Nullable Thread hook() {
      return Thread.getAllStackTraces().keySet().stream()
          .filter(thread -> thread.getName().equals("sandpiper-shutdown"))
          .findFirst()
          .orElse(null);
    }

    /** It waits for the contexts, or has ended. */
    private static boolean stands(@Nullable Thread hook) {
      return hook == null || hook.getState() == Thread.State.TIMED_WAITING;
    }
  }

  @Test
  void the_server_is_there_until_the_contexts_are_closed() throws Exception {
    Process jvm =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Application.class.getName())
            .redirectErrorStream(true)
            .start();
    List<String> output;
    try (BufferedReader lines = jvm.inputReader()) {
      output = lines.lines().toList();
    }
    assertThat(jvm.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(output)
        .contains("last 4711")
        .noneMatch(line -> line.contains("could not look") || line.contains("PSQLException"));
  }
}
