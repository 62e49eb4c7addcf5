package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Schedules;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The same JDBC programs on plain connections and in sandboxes see the same. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class ConformanceTests {

  private static final List<Isolation> ISOLATIONS =
      List.of(Isolation.TRANSACTION, Isolation.DATABASE);

  private ConformanceFixture fixture;
  private ConformanceFixture rewriting;

  @BeforeAll
  void open() throws Exception {
    fixture = new ConformanceFixture("");
    rewriting = new ConformanceFixture("reWriteBatchedInserts=true");
  }

  @AfterAll
  void close() throws Exception {
    fixture.close();
    rewriting.close();
  }

  static List<Program> programs() {
    return Stream.of(
            StatementPrograms.all(),
            ResultSetPrograms.all(),
            TransactionPrograms.all(),
            SavepointPrograms.all(),
            NestedPrograms.all(),
            ConstraintPrograms.all(),
            TypePrograms.all(),
            SessionPrograms.all(),
            DriverPrograms.all(),
            ConnectionPrograms.all())
        .flatMap(List::stream)
        .toList();
  }

  private static List<Arguments> inEach(List<Program> programs) {
    return programs.stream()
        .flatMap(program -> ISOLATIONS.stream().map(in -> Arguments.of(program, in)))
        .toList();
  }

  static List<Arguments> programsInEach() {
    return inEach(programs());
  }

  @ParameterizedTest(name = "{0} in {1}")
  @MethodSource("programsInEach")
  void a_program_sees_in_a_sandbox_what_it_sees_on_a_plain_connection(
      Program program, Isolation isolation) throws Exception {
    compare(fixture, program, isolation);
  }

  static List<Arguments> batchesInEach() {
    return inEach(StatementPrograms.batches());
  }

  @ParameterizedTest(name = "{0} in {1}")
  @MethodSource("batchesInEach")
  void a_program_with_rewritten_batches_does_so_too(Program program, Isolation isolation)
      throws Exception {
    compare(rewriting, program, isolation);
  }

  @RepeatedTest(12)
  @ExtendWith(Schedules.class)
  void a_random_program_does_so_too(Random random) throws Exception {
    ConformanceFixture place = random.nextBoolean() ? fixture : rewriting;
    Program program = RandomProgram.of(random.nextLong());
    for (Isolation isolation : ISOLATIONS) {
      compare(place, program, isolation);
    }
  }

  private static void compare(ConformanceFixture place, Program program, Isolation isolation)
      throws Exception {
    List<String> expected = place.plain(program);
    assertThat(expected).as("%s itself", program).contains("the program -> done");
    List<String> seen = place.sandboxed(program, isolation);
    assertThat(different(expected, seen))
        .as(() -> "%s in %s:%s".formatted(program, isolation, sideBySide(expected, seen)))
        .isEqualTo(Differences.lines(program, isolation));
  }

  /** The lines of a sandbox's transcript that are not those of the plain one. */
  private static List<String> different(List<String> plain, List<String> seen) {
    List<String> different = new ArrayList<>();
    for (int i = 0; i < seen.size(); i++) {
      if (i >= plain.size() || !plain.get(i).equals(seen.get(i))) {
        different.add(seen.get(i));
      }
    }
    if (seen.size() < plain.size()) {
      different.add("nothing");
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
  void the_guide_lists_every_difference() throws Exception {
    String page = Files.readString(Path.of("..", "docs", "transaction-sandbox.md"));
    assertThat(Differences.DECLARED)
        .allSatisfy(difference -> assertThat(page).contains(difference.sentence()));
  }

  @Test
  void a_difference_is_of_a_program_and_there_are_no_two_programs_of_one_name() {
    assertThat(programs()).extracting(Program::name).doesNotHaveDuplicates();
    assertThat(programs())
        .extracting(Program::name)
        .containsAll(Differences.all().map(Differences.Difference::program).toList());
    assertThat(Differences.all()).noneMatch(difference -> difference.lines().isEmpty());
  }
}
