package io.sandpiper.agent;

import static net.bytebuddy.matcher.ElementMatchers.isAbstract;
import static net.bytebuddy.matcher.ElementMatchers.isMethod;
import static net.bytebuddy.matcher.ElementMatchers.isNative;
import static net.bytebuddy.matcher.ElementMatchers.isPrivate;
import static net.bytebuddy.matcher.ElementMatchers.isStatic;
import static net.bytebuddy.matcher.ElementMatchers.isSubTypeOf;
import static net.bytebuddy.matcher.ElementMatchers.isSynthetic;
import static net.bytebuddy.matcher.ElementMatchers.not;

import io.sandpiper.CallWatcher;
import io.sandpiper.Run;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Proxy;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.stream.Stream;
import net.bytebuddy.agent.ByteBuddyAgent;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.matcher.ElementMatcher;
import org.jspecify.annotations.Nullable;

/**
 * Makes calls of any class known to the sandboxes that watch it. The class, its subclasses or
 * implementations are changed for the whole JVM; what is recorded only the sandbox decides.
 *
 * <p>Without {@code -javaagent} it attaches to its own JVM at the first use. Safe for use by
 * several threads.
 */
public final class CallWatching implements CallWatcher, AutoCloseable {

  private static final String AGENT = "net.bytebuddy.agent.ByteBuddyAgent";
  private static final String BUILDER = "net.bytebuddy.agent.builder.AgentBuilder";

  /** Null before the first watch; guarded by this. */
  private @Nullable Changes changes;

  private CallWatching() {}

  /** Has a run watch classes by it, once. */
  public static void register(Run run) {
    run.shared(
        CallWatching.class,
        () -> {
          CallWatching watching = new CallWatching();
          run.addCallWatcher(watching);
          return watching;
        });
  }

  @Override
  public boolean watch(Class<?> type) {
    if (!isPresent(BUILDER) || (AgentBridge.find() == null && !isPresent(AGENT))) {
      return false;
    }
    checkVisible(type);
    change(type);
    return true;
  }

  private synchronized void change(Class<?> type) {
    if (changes == null) {
      changes = new Changes(instrumentation());
    }
    changes.watch(type);
  }

  @Override
  public synchronized Collection<Class<?>> implementations(Class<?> type) {
    return changes == null ? List.of() : changes.family(type);
  }

  @Override
  public synchronized @Nullable String trouble(Class<?> type) {
    return changes == null ? null : changes.trouble(type);
  }

  private static boolean isPresent(String type) {
    try {
      Class.forName(type, false, CallWatching.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException absent) {
      return false;
    }
  }

  private static void checkVisible(Class<?> type) {
    if (!seesRecorder(type)) {
      throw new IllegalStateException(
          ("Calls of %s cannot be watched: its class loader (%s) does not see Sandpiper's classes."
                  + " Watch the class that calls it.")
              .formatted(type.getName(), type.getClassLoader()));
    }
  }

  private static boolean seesRecorder(Class<?> type) {
    try {
      return Class.forName(CallRecorder.class.getName(), false, type.getClassLoader())
          == CallRecorder.class;
    } catch (ClassNotFoundException invisible) {
      return false;
    }
  }

  private static Instrumentation instrumentation() {
    return AgentBridge.find() instanceof Carrier carrier
        ? carrier.instrumentation()
        : Attachment.attach();
  }

  @Override
  public void close() {}

  /** Apart, because {@code byte-buddy-agent} may be missing. */
  private static final class Attachment {

    static Instrumentation attach() {
      try {
        return ByteBuddyAgent.install();
      } catch (IllegalStateException refused) {
        throw new IllegalStateException(
            ("Sandpiper could not attach to this JVM to watch calls (%s). Start it with"
                    + " -javaagent:sandpiper-harness-core.jar, or with"
                    + " -XX:+EnableDynamicAgentLoading.")
                .formatted(refused.getMessage()),
            refused);
      }
    }
  }

  /** Apart, because Byte Buddy may be missing. */
  private static final class Changes {

    private static final ElementMatcher.Junction<MethodDescription> METHODS =
        isMethod()
            .and(not(isPrivate()))
            .and(not(isStatic()))
            .and(not(isAbstract()))
            .and(not(isNative()))
            .and(not(isSynthetic()));

    /** Weak: a class is watched for as long as it is loaded. */
    private final Set<Class<?>> watched =
        Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    private final Instrumentation instrumentation;
    private final Retransformer retransformer;

    Changes(Instrumentation instrumentation) {
      this.instrumentation = instrumentation;
      this.retransformer =
          new Retransformer(
              instrumentation,
              this::includes,
              (builder, type) -> builder.visit(Advice.to(WatchedMethod.class).on(METHODS)));
    }

    void watch(Class<?> type) {
      // Before the loaded ones are listed: what is loaded in between is changed as it is loaded.
      boolean first = watched.add(type);
      try {
        change(type);
      } catch (IllegalStateException unchangeable) {
        if (first) {
          watched.remove(type);
        }
        throw unchangeable;
      }
    }

    /**
     * Changes what is loaded and not changed yet. To change a class may load others of its family,
     * which pass unchanged then, because one thread changes one class at a time.
     */
    private void change(Class<?> type) {
      Set<Class<?>> tried = new HashSet<>();
      List<Class<?>> next = unchanged(type, tried);
      do {
        tried.addAll(next);
        retransformer.change(next);
        next = unchanged(type, tried);
      } while (!next.isEmpty());
    }

    private List<Class<?>> unchanged(Class<?> type, Set<Class<?>> tried) {
      return family(type).stream()
          .filter(each -> !tried.contains(each) && !retransformer.isChanged(each))
          .toList();
    }

    /** The classes that are loaded in which a method of the type may be. */
    List<Class<?>> family(Class<?> type) {
      return Stream.<Class<?>>of(instrumentation.getAllLoadedClasses())
          .filter(each -> isOfFamily(each, type))
          .filter(each -> isChangeable(each, instrumentation))
          .toList();
    }

    private static boolean isOfFamily(Class<?> each, Class<?> type) {
      return type.isAssignableFrom(each) || (each.isAssignableFrom(type) && seesRecorder(each));
    }

    /** Why calls of a type may be missing, or null. */
    @Nullable String trouble(Class<?> type) {
      Map<String, String> refused = retransformer.refused();
      return refused.isEmpty()
          ? null
          : family(type).stream()
              .map(Class::getName)
              .filter(refused::containsKey)
              .map(
                  name ->
                      "%s was loaded after sandbox.watch and could not be changed to tell of its calls (%s)"
                          .formatted(name, refused.get(name)))
              .findFirst()
              .orElse(null);
    }

    private boolean includes(TypeDescription type, @Nullable Class<?> loaded) {
      if (type.getName().contains("$$")) {
        return false;
      }
      return watchedNow().stream()
          .anyMatch(
              each -> loaded == null ? isSubTypeOf(each).matches(type) : isOfFamily(loaded, each));
    }

    private List<Class<?>> watchedNow() {
      synchronized (watched) {
        return List.copyOf(watched);
      }
    }

    private static boolean isChangeable(Class<?> type, Instrumentation instrumentation) {
      return instrumentation.isModifiableClass(type)
          && !type.isHidden()
          && !Proxy.isProxyClass(type)
          && !type.getName().contains("$$");
    }
  }
}
