package io.sandpiper.amqp;

import static com.tngtech.archunit.core.domain.properties.HasModifiers.Predicates.modifier;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.sandpiper", importOptions = DoNotIncludeTests.class)
class ModuleTests {

  @ArchTest
  static final ArchRule amqp_depends_on_the_core_and_on_no_http =
      noClasses()
          .that()
          .resideInAPackage("io.sandpiper.amqp..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.sandpiper.http..", "jakarta.servlet..");

  @ArchTest
  static final ArchRule the_core_depends_on_no_broker =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.sandpiper.amqp..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.sandpiper.amqp..",
              "com.rabbitmq..",
              "org.springframework.amqp..",
              "org.apache.qpid..");

  /** What is nested in an interface is always public, and seen by nobody where that is not. */
  @ArchTest
  static final ArchRule the_entry_and_the_test_of_workers_are_public =
      classes()
          .that()
          .resideInAPackage("io.sandpiper.amqp..")
          .and()
          .areTopLevelClasses()
          .and(modifier(JavaModifier.PUBLIC).forSubtype())
          .should()
          .be(AmqpPropagation.class)
          .orShould()
          .be(WorkerContract.class);
}
