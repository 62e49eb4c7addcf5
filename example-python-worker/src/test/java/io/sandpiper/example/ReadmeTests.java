package io.sandpiper.example;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** That the README and the guide show what is compiled and run. */
class ReadmeTests {

  private static final Pattern JAVA_BLOCK = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

  @Test
  void its_example_is_the_class_that_runs() throws IOException {
    Path example = Python.exampleDirectory();
    String source =
        Files.readString(
            example.resolve("src/test/java/io/sandpiper/example/ReadmeExampleTests.java"));
    Matcher block = JAVA_BLOCK.matcher(Files.readString(example.resolveSibling("README.md")));

    assertThat(block.find()).as("README.md has a block of Java").isTrue();
    // What stands before it is package and imports.
    assertThat(block.group(1)).isEqualTo(source.substring(source.indexOf("@SpringBootTest(")));
  }

  @Test
  void the_guides_test_of_a_worker_is_one_that_runs() throws IOException {
    Path example = Python.exampleDirectory();
    Matcher block =
        JAVA_BLOCK.matcher(Files.readString(example.resolveSibling("docs/worker-contract.md")));

    assertThat(block.find()).as("docs/worker-contract.md has a block of Java").isTrue();
    assertThat(example.resolve("src/test/java/io/sandpiper/example/NodeWorkerContractTests.java"))
        .content()
        .contains(block.group(1).replaceAll("(?m)^(?=.)", "    "));
  }
}
