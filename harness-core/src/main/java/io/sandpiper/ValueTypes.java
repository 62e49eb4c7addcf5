package io.sandpiper;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Spliterator;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import java.util.stream.BaseStream;
import java.util.stream.Stream;
import javax.sql.CommonDataSource;

/** Which objects can be looked into without any effect, and what the others are called. */
final class ValueTypes {

  /** What is there to be used, and may change or load something when it is looked into. */
  private static final List<Class<?>> LIVE =
      List.of(
          AutoCloseable.class,
          BaseStream.class,
          ClassLoader.class,
          CommonDataSource.class,
          Enumeration.class,
          Executor.class,
          Future.class,
          Iterable.class,
          Iterator.class,
          Map.class,
          Spliterator.class,
          Thread.class);

  /** Proxies of CGLIB, Javassist, Hibernate and Mockito, and lambdas. */
  private static final Pattern GENERATED =
      Pattern.compile("\\$\\$|\\$(HibernateProxy|HibernateInstantiator|MockitoMock|ByteBuddy)\\b");

  private static final Pattern PERSISTENCE =
      Pattern.compile("org\\.(hibernate|eclipse\\.persistence|apache\\.openjpa|datanucleus)\\..*");

  /** Views of something else, of which nobody knows whether it loads its elements when asked. */
  private static final Pattern VIEW =
      Pattern.compile(
          "java\\.util\\.(ReverseOrder.*|Abstract(List|Map)\\$(?!Simple).*"
              + "|Collections\\$(?!Empty|Singleton|Copies).*)");

  private ValueTypes() {}

  /** Whether it is a class of the JDK itself. */
  static boolean isOfJdk(Class<?> type) {
    ClassLoader loader = type.getClassLoader();
    return loader == null || loader == ClassLoader.getPlatformClassLoader();
  }

  /** Whether it is a collection or map of the JDK that holds its elements itself. */
  static boolean isPlainCollection(Class<?> type) {
    String name = type.getPackageName();
    return isOfJdk(type)
        && (name.equals("java.util") || name.equals("java.util.concurrent"))
        && !VIEW.matcher(type.getName()).matches();
  }

  /**
   * The fields that make up an object of a class of the application or of a library, those of its
   * superclasses first; empty where it is not to be looked into.
   */
  static List<Field> fields(Class<?> type) {
    if (isOfJdk(type) || isGenerated(type) || isLive(type)) {
      return List.of();
    }
    List<Field> fields = new ArrayList<>();
    for (Class<?> each = type; !isOfJdk(each); each = each.getSuperclass()) {
      List<Field> own = Stream.of(each.getDeclaredFields()).filter(ValueTypes::isPart).toList();
      if (!own.stream().allMatch(Field::trySetAccessible)) {
        return List.of();
      }
      fields.addAll(0, own);
    }
    return fields;
  }

  private static boolean isPart(Field field) {
    int modifiers = field.getModifiers();
    return !Modifier.isStatic(modifiers)
        && !Modifier.isTransient(modifiers)
        && !field.isSynthetic()
        && !field.getName().contains("$")
        && !field.getName().startsWith("_persistence_");
  }

  private static boolean isLive(Class<?> type) {
    return LIVE.stream().anyMatch(live -> live.isAssignableFrom(type))
        || PERSISTENCE.matcher(type.getName()).matches();
  }

  private static boolean isGenerated(Class<?> type) {
    return type.isHidden()
        || Proxy.isProxyClass(type)
        || GENERATED.matcher(type.getName()).find()
        || Stream.of(type.getInterfaces())
            .anyMatch(each -> each.getName().startsWith("org.hibernate.proxy."));
  }

  /** What an object is called that is not looked into. */
  static String name(Class<?> type) {
    if (Proxy.isProxyClass(type)) {
      List<String> interfaces = Stream.of(type.getInterfaces()).map(Class::getSimpleName).toList();
      return "proxy of " + String.join(", ", interfaces);
    }
    if (isGenerated(type) || type.isAnonymousClass()) {
      String full = type.getName();
      return full.substring(full.lastIndexOf('.', full.indexOf('$')) + 1).replaceAll("/.*", "");
    }
    return type.getSimpleName();
  }
}
