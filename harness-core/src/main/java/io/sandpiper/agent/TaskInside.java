package io.sandpiper.agent;

import io.sandpiper.context.TaskLedger;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Field;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Modifier;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the application has given to the JDK, inside of the objects in which the JDK keeps it. */
final class TaskInside {

  /** Deeper than the JDK puts one object into another. */
  private static final int DEEPEST = 8;

  private static final List<String> PACKAGES =
      List.of("java.lang", "java.util.concurrent", "jdk.internal.vm");

  private static final Set<String> NAMES =
      Set.of(
          "action", "callable", "cont", "fn", "holder", "runnable", "target", "task", "val$task");

  /** The fields of a class that may hold what it was given. */
  private static final ClassValue<List<Field>> FIELDS =
      new ClassValue<>() {
        @Override
        protected List<Field> computeValue(Class<?> type) {
          return Stream.<Class<?>>iterate(type, each -> each != null, Class::getSuperclass)
              .filter(each -> PACKAGES.contains(each.getPackageName()))
              .flatMap(each -> Stream.of(each.getDeclaredFields()))
              .filter(TaskInside::mayHoldTask)
              .toList();
        }
      };

  private TaskInside() {}

  private static boolean mayHoldTask(Field field) {
    if (!NAMES.contains(field.getName()) || Modifier.isStatic(field.getModifiers())) {
      return false;
    }
    try {
      field.setAccessible(true);
      return true;
    } catch (InaccessibleObjectException closed) {
      return false;
    }
  }

  /** Lets this class look into the JDK's; before its first use. */
  static void open(Instrumentation instrumentation) {
    Module base = Object.class.getModule();
    Map<String, Set<Module>> opens = new HashMap<>();
    for (String name : PACKAGES) {
      if (base.getPackages().contains(name)) {
        opens.put(name, Set.of(TaskInside.class.getModule()));
      }
    }
    instrumentation.redefineModule(base, Set.of(), Map.of(), opens, Set.of(), Map.of());
  }

  /** What a task of the JDK is to be called by; others are called by themselves. */
  static Object of(Object task) {
    return task instanceof Thread thread ? new OfThread(inside(task), thread) : inside(task);
  }

  private static Object inside(Object task) {
    Object found = task;
    for (int depth = 0; depth < DEEPEST && isOfJdk(found); depth++) {
      Object next = next(found);
      if (next == null) {
        break;
      }
      found = next;
    }
    return found;
  }

  /** A class of the application's own is told by its name, whatever it extends. */
  private static boolean isOfJdk(Object task) {
    return task.getClass().getClassLoader() == null;
  }

  private static @Nullable Object next(Object outside) {
    for (Field field : FIELDS.get(outside.getClass())) {
      try {
        Object held = field.get(outside);
        if (held != null) {
          return held;
        }
      } catch (IllegalAccessException closed) {
        return null;
      }
    }
    return null;
  }

  /** What a thread does, and its name, by which the application may know it better. */
  private record OfThread(Object task, Thread thread) implements TaskLedger.Named {

    @Override
    public String name() {
      String name = TaskLedger.nameOf(task);
      return thread.getName().isEmpty()
          ? name
          : "%s in thread %s".formatted(name, thread.getName());
    }
  }
}
