package io.sandpiper.benchmarks.soak;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TallyTests {

  @Test
  void what_a_jvm_prints_is_added() {
    Tally ofJvm = new Tally();
    ofJvm.trips.set(5);
    ofJvm.resent.set(4);
    ofJvm.crossed.set(3);
    ofJvm.lost.set(2);
    ofJvm.failed.set(1);
    Tally sum = new Tally();
    assertThat(sum.addLine(ofJvm.toString())).isTrue();
    assertThat(sum.addLine(ofJvm.toString())).isTrue();
    assertThat(sum.addLine("anything else")).isFalse();
    assertThat(sum).hasToString("SOAK trips=10 resent=8 crossed=6 lost=4 failed=2");
  }
}
