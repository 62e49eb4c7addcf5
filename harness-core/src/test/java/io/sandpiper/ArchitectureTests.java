package io.sandpiper;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.sandpiper.agent.AgentBridge;
import io.sandpiper.context.Scope;
import io.sandpiper.junit.SandboxExtension;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The rules of the design's "Layout", and what no class may do. */
class ArchitectureTests {

  private static final JavaClasses CORE =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.sandpiper");

  @Test
  void packages_have_no_cycles_but_the_annotation_that_registers_its_extension() {
    slices()
        .matching("io.(**)")
        .should()
        .beFreeOfCycles()
        .ignoreDependency(equivalentTo(Sandboxed.class), equivalentTo(SandboxExtension.class))
        .check(CORE);
  }

  @Test
  void packages_depend_on_each_other_as_designed() {
    Map<String, Set<String>> expected =
        Map.of(
            "io.sandpiper", Set.of("io.sandpiper.context"),
            "io.sandpiper.agent", Set.of("io.sandpiper", "io.sandpiper.context"),
            "io.sandpiper.context", Set.of(),
            "io.sandpiper.jdbc", Set.of("io.sandpiper", "io.sandpiper.context"),
            "io.sandpiper.junit",
                Set.of("io.sandpiper", "io.sandpiper.agent", "io.sandpiper.context"),
            "io.sandpiper.server", Set.of());
    for (String from : expected.keySet()) {
      Set<String> to = new TreeSet<>();
      for (JavaClass type : CORE) {
        if (type.getPackageName().equals(from) && !type.isEquivalentTo(Sandboxed.class)) {
          type.getDirectDependenciesFromSelf().stream()
              .map(dependency -> dependency.getTargetClass().getPackageName())
              .filter(name -> name.startsWith("io.sandpiper") && !name.equals(from))
              .forEach(to::add);
        }
      }
      assertThat(expected.get(from)).as(from).containsAll(to);
    }
  }

  @Test
  void only_the_wiring_uses_spring() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.sandpiper.spring")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.springframework..", "org.aopalliance..")
        .check(CORE);
  }

  @Test
  void the_core_knows_no_broker_and_no_servlet() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "com.rabbitmq..",
            "org.springframework.amqp..",
            "org.apache.qpid..",
            "org.testcontainers.rabbitmq..",
            "jakarta.servlet..",
            "org.springframework.web..",
            "org.springframework.http..",
            "java.net.http..",
            "io.sandpiper.amqp..",
            "io.sandpiper.http..")
        .check(CORE);
  }

  @Test
  void only_servers_know_containers_and_embedded_postgresql() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.sandpiper.server")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.testcontainers..", "com.github.dockerjava..", "io.zonky..")
        .check(CORE);
  }

  @Test
  void only_scopes_know_micrometer_and_only_jdbc_its_pool_and_driver() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.sandpiper.context")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.micrometer..")
        .check(CORE);
    noClasses()
        .that()
        .resideOutsideOfPackages("io.sandpiper.jdbc", "io.sandpiper.server")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("com.zaxxer..", "org.postgresql..")
        .check(CORE);
  }

  @Test
  void only_the_agent_knows_byte_buddy() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.sandpiper.agent")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("net.bytebuddy..")
        .check(CORE);
  }

  @Test
  void what_the_jdk_calls_depends_on_nothing_but_the_jdk() {
    noClasses()
        .that()
        .haveFullyQualifiedName("io.sandpiper.agent.AgentBridge")
        .should()
        .dependOnClassesThat(
            resideOutsideOfPackages("java..", "org.jspecify..")
                .and(not(equivalentTo(AgentBridge.class))))
        .check(CORE);
  }

  @Test
  void every_package_is_null_marked() {
    Map<String, Boolean> marked = new TreeMap<>();
    for (JavaClass type : CORE) {
      marked.merge(
          type.getPackageName(), type.getPackage().isAnnotatedWith(NullMarked.class), (a, b) -> a);
    }
    assertThat(marked).hasSizeGreaterThan(5).doesNotContainValue(false);
  }

  @Test
  void nothing_sleeps_or_inherits_or_prints() {
    noClasses().should().callMethod(Thread.class, "sleep", long.class).check(CORE);
    noClasses().should().callMethod(Thread.class, "sleep", long.class, int.class).check(CORE);
    noClasses()
        .should()
        .dependOnClassesThat()
        .areAssignableTo(InheritableThreadLocal.class)
        .check(CORE);
    noClasses().should(ACCESS_STANDARD_STREAMS).check(CORE);
  }

  @Test
  void static_fields_are_final_and_only_the_scope_is_bound_to_threads() {
    fields().that().areStatic().should().beFinal().check(CORE);
    fields()
        .that()
        .areStatic()
        .and()
        .areNotDeclaredIn(Scope.class)
        .should()
        .notHaveRawType(assignableTo(ThreadLocal.class))
        .check(CORE);
  }

  @Test
  void public_types_are_final_or_closed() {
    classes()
        .that()
        .arePublic()
        .and()
        .areNotInterfaces()
        .and()
        .areNotEnums()
        .and()
        .doNotHaveFullyQualifiedName("io.sandpiper.jdbc.SandboxException")
        .and()
        .doNotHaveFullyQualifiedName("io.sandpiper.agent.AgentBridge")
        .should()
        .haveModifier(JavaModifier.FINAL)
        .check(CORE);
  }
}
