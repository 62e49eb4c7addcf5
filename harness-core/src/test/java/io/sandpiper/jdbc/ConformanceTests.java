package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The same JDBC programs on plain connections and in sandboxes see the same. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class ConformanceTests {

  private static final List<Isolation> ISOLATIONS = List.of(Isolation.TRANSACTION);

  private final Map<String, List<String>> plain = new HashMap<>();
  private ConformanceFixture fixture;

  @BeforeAll
  void open() throws Exception {
    fixture = new ConformanceFixture("");
  }

  @AfterAll
  void close() throws Exception {
    fixture.close();
  }

  static List<Program> programs() {
    return Stream.of(
            StatementPrograms.all(),
            ResultSetPrograms.all(),
            TransactionPrograms.all(),
            ConstraintPrograms.all(),
            TypePrograms.all(),
            SessionPrograms.all(),
            DriverPrograms.all(),
            ConnectionPrograms.all())
        .flatMap(List::stream)
        .toList();
  }

  static List<Arguments> programsInSandboxes() {
    return programs().stream()
        .flatMap(program -> ISOLATIONS.stream().map(in -> Arguments.of(program, in)))
        .toList();
  }

  @ParameterizedTest(name = "{0} in {1}")
  @MethodSource("programsInSandboxes")
  void a_program_sees_in_a_sandbox_what_it_sees_on_a_plain_connection(
      Program program, Isolation isolation) throws Exception {
    List<String> expected = plain(program);
    List<String> seen = fixture.sandboxed(program, isolation);
    assertThat(expected).as("%s itself", program).contains("the program -> done");
    List<String> declared =
        Differences.of(program, isolation).stream()
            .flatMap(difference -> difference.lines().stream())
            .toList();
    assertThat(different(expected, seen))
        .as(() -> "%s in %s:%s".formatted(program, isolation, sideBySide(expected, seen)))
        .isEqualTo(declared);
  }

  private List<String> plain(Program program) throws Exception {
    List<String> known = plain.get(program.name());
    if (known == null) {
      known = fixture.plain(program);
      assertThat(plain.put(program.name(), known)).as(program.name()).isNull();
    }
    return known;
  }

  /** The lines of a sandbox's transcript that are not those of the plain one. */
  private static List<String> different(List<String> plain, List<String> seen) {
    List<String> different = new ArrayList<>();
    for (int i = 0; i < Math.max(plain.size(), seen.size()); i++) {
      String here = i < seen.size() ? seen.get(i) : "nothing";
      if (i >= plain.size() || !plain.get(i).equals(here)) {
        different.add(here);
      }
    }
    return different;
  }

  private static String sideBySide(List<String> plain, List<String> seen) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < Math.max(plain.size(), seen.size()); i++) {
      String there = i < plain.size() ? plain.get(i) : "nothing";
      String here = i < seen.size() ? seen.get(i) : "nothing";
      if (!there.equals(here)) {
        text.append("\nline ").append(i);
        text.append("\n  plain:   ").append(there).append("\n  sandbox: ").append(here);
      }
    }
    return text.toString();
  }

  @Test
  void names_of_programs_are_unique() {
    assertThat(programs()).extracting(Program::name).doesNotHaveDuplicates();
  }
}
