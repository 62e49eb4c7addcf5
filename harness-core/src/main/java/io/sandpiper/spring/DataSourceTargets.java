package io.sandpiper.spring;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import javax.sql.CommonDataSource;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.target.SingletonTargetSource;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;

/**
 * The DataSources that a DataSource leads to: those that a router, a proxy of another tool or a
 * delegating one keeps in its fields. A pool leads to none, whatever it gets its connections from.
 */
final class DataSourceTargets {

  private static final List<String> URLS = List.of("getJdbcUrl", "getUrl", "getURL");

  private final List<DataSource> found = new ArrayList<>();
  private final List<Replacement> replacements = new ArrayList<>();
  private boolean elsewhere;

  /** Puts other targets into one place. */
  private interface Replacement {
    void by(UnaryOperator<DataSource> replacement) throws Exception;
  }

  private DataSourceTargets() {}

  static DataSourceTargets of(DataSource dataSource) {
    DataSourceTargets targets = new DataSourceTargets();
    if (dataSource instanceof Advised proxy) {
      targets.findInProxy(proxy);
    } else if (!isPool(dataSource)) {
      targets.findIn(
          Proxy.isProxyClass(dataSource.getClass())
              ? Proxy.getInvocationHandler(dataSource)
              : dataSource);
    }
    return targets;
  }

  /** A pool has an address of its own. */
  private static boolean isPool(DataSource dataSource) {
    return URLS.stream().anyMatch(url -> ClassUtils.hasMethod(dataSource.getClass(), url));
  }

  boolean isEmpty() {
    return found.isEmpty();
  }

  /** Whether it leads to another bean, which it looks up for each call. */
  boolean areElsewhere() {
    return elsewhere;
  }

  /** Replaces each one; false where one of them cannot be. */
  boolean replace(UnaryOperator<DataSource> replacement) {
    try {
      for (Replacement place : replacements) {
        place.by(replacement);
      }
      return true;
    } catch (Exception notReplaceable) {
      // A record, a lambda, or a field of a narrower type.
      return false;
    }
  }

  private void findInProxy(Advised proxy) {
    if (proxy.getTargetSource() instanceof SingletonTargetSource holder
        && holder.getTarget() instanceof DataSource target) {
      found.add(target);
      replacements.add(
          replacement -> {
            DataSource other = replacement.apply(target);
            if (other != target) {
              proxy.setTargetSource(new SingletonTargetSource(other));
            }
          });
    } else {
      elsewhere = !proxy.getTargetSource().isStatic();
    }
  }

  private void findIn(Object holder) {
    ReflectionUtils.doWithFields(
        holder.getClass(),
        field -> findIn(holder, field),
        field -> !Modifier.isStatic(field.getModifiers()) && mayLeadOn(field.getType()));
  }

  private static boolean mayLeadOn(Class<?> type) {
    return CommonDataSource.class.isAssignableFrom(type)
        || Map.class.isAssignableFrom(type)
        || Collection.class.isAssignableFrom(type)
        || type.isAssignableFrom(DataSource.class);
  }

  private void findIn(Object holder, Field field) {
    Object value = value(holder, field);
    if (value instanceof DataSource target) {
      found.add(target);
      replacements.add(
          replacement -> {
            DataSource other = replacement.apply(target);
            if (other != target) {
              field.set(holder, other);
            }
          });
    } else if (value instanceof Map<?, ?> map) {
      findIn(map.values());
      replacements.add(replacement -> replaceValues(holder, field, map, replacement));
    } else if (value instanceof Collection<?> collection) {
      findIn(collection);
      replacements.add(replacement -> replaceElements(holder, field, collection, replacement));
    }
  }

  private void findIn(Collection<?> values) {
    for (Object value : values) {
      if (value instanceof DataSource target) {
        found.add(target);
      }
    }
  }

  private static @Nullable Object value(Object holder, Field field) {
    try {
      field.setAccessible(true);
      return field.get(holder);
    } catch (IllegalAccessException | RuntimeException closed) {
      return null;
    }
  }

  private static void replaceValues(
      Object holder, Field field, Map<?, ?> map, UnaryOperator<DataSource> replacement)
      throws IllegalAccessException {
    Map<Object, @Nullable Object> others = new LinkedHashMap<>();
    map.forEach((key, value) -> others.put(key, other(value, replacement)));
    if (others.equals(map)) {
      return;
    }
    try {
      @SuppressWarnings("unchecked")
      Map<Object, @Nullable Object> writable = (Map<Object, @Nullable Object>) map;
      writable.putAll(others);
    } catch (UnsupportedOperationException unmodifiable) {
      field.set(holder, others);
    }
  }

  private static void replaceElements(
      Object holder, Field field, Collection<?> elements, UnaryOperator<DataSource> replacement)
      throws IllegalAccessException {
    List<@Nullable Object> others = new ArrayList<>();
    elements.forEach(element -> others.add(other(element, replacement)));
    if (others.equals(List.copyOf(elements))) {
      return;
    }
    try {
      @SuppressWarnings("unchecked")
      Collection<@Nullable Object> writable = (Collection<@Nullable Object>) elements;
      writable.clear();
      writable.addAll(others);
    } catch (UnsupportedOperationException unmodifiable) {
      field.set(holder, others);
    }
  }

  private static @Nullable Object other(
      @Nullable Object value, UnaryOperator<DataSource> replacement) {
    return value instanceof DataSource target ? replacement.apply(target) : value;
  }
}
