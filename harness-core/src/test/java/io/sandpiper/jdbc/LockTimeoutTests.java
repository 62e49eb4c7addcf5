package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.jdbc.DeadlockEdge.Kind;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read as text: the setting, and the server's words on a deadlock. */
class LockTimeoutTests {

  @ParameterizedTest
  @CsvSource({"500ms,500", "5s,5000", "1m,60000", "0,0", "250,250", "PT2.5S,2500", "' 3S ',3000"})
  void a_duration_is_read(String text, long millis) {
    assertThat(LockTimeout.parse(text)).isEqualTo(Duration.ofMillis(millis));
  }

  @Test
  void ten_seconds_are_the_default() {
    assertThat(LockTimeout.parse(null)).isEqualTo(Duration.ofSeconds(10));
  }

  @ParameterizedTest
  @ValueSource(strings = {"soon", "", "-5s", "5 h", "999999999m", "PT-1S"})
  void what_is_no_duration_is_refused_by_name(String text) {
    assertThatThrownBy(() -> LockTimeout.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("sandpiper.lock-timeout is '" + text + "'")
        .hasMessageContaining("500ms, 5s or 1m");
  }

  @Test
  void the_detail_of_a_deadlock_is_read() {
    assertThat(
            DeadlockEdge.of(
                """
                Process 20 waits for ShareLock on transaction 830; blocked by process 21.
                Process 21 waits for ExclusiveLock on tuple (0,2) of relation 16395 of database 1; blocked by process 22.
                Process 22 waits for AccessShareLock on relation 16400 of database 1; blocked by process 20.
                """))
        .containsExactly(
            new DeadlockEdge(20, 21, Kind.TRANSACTION, "transaction 830", null, null),
            new DeadlockEdge(
                21,
                22,
                Kind.TUPLE,
                "tuple (0,2) of relation 16395 of database 1",
                "16395",
                "(0,2)"),
            new DeadlockEdge(22, 20, Kind.OTHER, "relation 16400 of database 1", "16400", null));
  }

  @Test
  void in_another_language_who_waits_for_whom_is_read() {
    assertThat(
            DeadlockEdge.of(
                "Prozess 20 wartet auf ShareLock-Sperre auf Transaktion 830; blockiert von Prozess 21."))
        .containsExactly(new DeadlockEdge(20, 21, Kind.OTHER, "a lock", null, null));
    assertThat(DeadlockEdge.of(null)).isEmpty();
  }
}
