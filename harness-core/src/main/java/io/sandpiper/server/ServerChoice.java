package io.sandpiper.server;

import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The order in which a server for a test run is found: the one that {@code <prefix>.url} names, a
 * container where a Docker engine answers, an embedded one.
 *
 * <p>{@code <prefix>.server} forces one of the last two: {@code container} or {@code embedded}
 * instead of {@code auto}.
 */
public final class ServerChoice {

  private static final Logger log = LoggerFactory.getLogger(ServerChoice.class);

  private final String product;
  private final String prefix;
  private final Function<String, @Nullable String> settings;
  private final BooleanSupplier dockerAnswers;

  /**
   * @param product what is looked for, in a reader's words, such as {@code PostgreSQL}
   * @param prefix what the names of its settings begin with, such as {@code sandpiper.database}
   * @param settings looks a setting up by its name; null where it is not set
   */
  public ServerChoice(String product, String prefix, Function<String, @Nullable String> settings) {
    this(product, prefix, settings, DockerEngine::answers);
  }

  ServerChoice(
      String product,
      String prefix,
      Function<String, @Nullable String> settings,
      BooleanSupplier dockerAnswers) {
    this.product = product;
    this.prefix = prefix;
    this.settings = settings;
    this.dockerAnswers = dockerAnswers;
  }

  /** The setting {@code <prefix>.<name>}, or null where it is not set or blank. */
  public @Nullable String setting(String name) {
    String value = settings.apply(nameOf(name));
    return value == null || value.isBlank() ? null : value.strip();
  }

  /** The setting {@code <prefix>.<name>}, or the default where it is not set or blank. */
  public String setting(String name, String otherwise) {
    String value = setting(name);
    return value == null ? otherwise : value;
  }

  /** The full name of a setting, for messages. */
  public String nameOf(String name) {
    return prefix + "." + name;
  }

  /**
   * Starts the first that can be had.
   *
   * @param configured uses the server at the given URL
   * @param container starts a container; where it fails, {@code auto} goes on to the embedded one
   * @param embedded starts an embedded server
   * @throws IllegalArgumentException if a setting has a value that is none
   * @throws IllegalStateException if what the settings ask for cannot be started
   */
  public <S> S start(Function<String, S> configured, Supplier<S> container, Supplier<S> embedded) {
    String url = setting("url");
    if (url != null) {
      return configured.apply(url);
    }
    String kind = setting("server", "auto");
    return switch (kind) {
      case "auto" -> startAny(container, embedded);
      case "container" -> startContainer(container);
      case "embedded" -> embedded.get();
      default ->
          throw new IllegalArgumentException(
              "%s is \"%s\", which is no kind of server: use auto, container or embedded"
                  .formatted(nameOf("server"), kind));
    };
  }

  private <S> S startAny(Supplier<S> container, Supplier<S> embedded) {
    if (!dockerAnswers.getAsBoolean()) {
      return embedded.get();
    }
    try {
      return container.get();
    } catch (RuntimeException e) {
      log.warn(
          "The {} container could not be started, so the embedded server stands in for it: {}. "
              + "Set {} to an image that can be had, or {}=embedded to skip the attempt.",
          product,
          reason(e),
          nameOf("image"),
          nameOf("server"));
      log.debug("The {} container could not be started", product, e);
      return embedded.get();
    }
  }

  private <S> S startContainer(Supplier<S> container) {
    if (!dockerAnswers.getAsBoolean()) {
      throw new IllegalStateException(
          ("%s is \"container\", but no Docker engine answers at DOCKER_HOST or at its usual "
                  + "sockets: start Docker, set %s, or remove the setting to use the embedded %s")
              .formatted(nameOf("server"), nameOf("url"), product));
    }
    return container.get();
  }

  /** What failed, and why where that is not said with it: causes are often bare or worded twice. */
  private static String reason(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String what = String.valueOf(failure.getMessage()).strip();
    String why = String.valueOf(root.getMessage()).strip();
    return what.contains(why) ? what : what + ": " + why;
  }
}
