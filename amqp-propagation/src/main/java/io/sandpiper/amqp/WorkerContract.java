package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.core.env.StandardEnvironment;

/**
 * A test of any worker, in whatever language: starts it, asks it, and reports how the harness could
 * match its replies to tests, and whether it keeps to what any worker has to.
 *
 * <pre>{@code
 * WorkerContract.Report report =
 *     WorkerContract.of(List.of("node", "worker.js", "--queue", "scoring.requests"))
 *         .broker("AMQP_URL")
 *         .requests("scoring.requests")
 *         .replies("scoring.results")
 *         .request("{\"batchId\": 1}".getBytes(UTF_8), "application/json")
 *         .check();
 * report.require(WorkerContract.Level.OWN_HEADER);
 * }</pre>
 *
 * <p>Immutable: each method gives a contract that differs in one thing. The broker is found or
 * started as the settings {@code sandpiper.rabbit.*} say, which are system properties or
 * environment variables here; it is the one that application contexts in this JVM use as well. On a
 * broker of the harness's own the worker gets a new virtual host, on a configured one its queues
 * have to be free.
 */
public final class WorkerContract {

  /** How the harness can match a reply to its test, in the order in which it tries. */
  public enum Level {
    /** The header {@code x-test-id} comes back verbatim. */
    OWN_HEADER("own header"),
    /** The member {@code test.id} of W3C baggage comes back, whatever stands beside it. */
    BAGGAGE("baggage"),
    /** The request's correlation id is the reply's, where the application sets one. */
    CORRELATION_ID("correlation id"),
    /** The request's message id is the reply's correlation id, where no correlation id is set. */
    MESSAGE_ID("message id");

    private final String words;

    Level(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /** What a worker does about a level. */
  public enum Verdict {
    /** It is so in all replies. */
    SATISFIED,
    /** It is so in none. */
    NOT_SATISFIED,
    /** Something else came back, or it is so in some replies only. */
    DAMAGED;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }

  /** Declares exchanges, bindings and queues with arguments, where the worker needs them. */
  @FunctionalInterface
  public interface Topology {

    /**
     * Declares what the worker needs, before it is started.
     *
     * @param channel open on the virtual host of the worker
     * @throws IOException if the broker refuses
     */
    void declare(Channel channel) throws IOException;
  }

  private @Nullable ContractLauncher launcher;
  private List<String> command = List.of();
  private @Nullable Path directory;
  private Map<String, String> environment = Map.of();
  private @Nullable String requests;
  private @Nullable String replies;
  private boolean replyTo;
  private @Nullable IntFunction<byte[]> body;
  private String contentType = "";
  private Map<String, Object> headers = Map.of();
  private @Nullable BiPredicate<byte[], byte[]> answers;
  private ContractSettings.@Nullable Unprocessable unprocessable;
  private Topology topology = channel -> {};
  private Duration timeout = Duration.ofSeconds(30);

  private WorkerContract() {}

  private WorkerContract(WorkerContract other) {
    this.launcher = other.launcher;
    this.command = other.command;
    this.directory = other.directory;
    this.environment = other.environment;
    this.requests = other.requests;
    this.replies = other.replies;
    this.replyTo = other.replyTo;
    this.body = other.body;
    this.contentType = other.contentType;
    this.headers = other.headers;
    this.answers = other.answers;
    this.unprocessable = other.unprocessable;
    this.topology = other.topology;
    this.timeout = other.timeout;
  }

  /** The one place that changes a field: of a copy that nobody else has yet. */
  private WorkerContract with(Consumer<WorkerContract> change) {
    WorkerContract copy = new WorkerContract(this);
    change.accept(copy);
    return copy;
  }

  /**
   * A contract for the worker that a command line starts.
   *
   * <p>In its words, and in the values of {@link #environment}, {@code {uri}} is replaced by the
   * broker's AMQP URI, and {@code {host}}, {@code {port}}, {@code {user}}, {@code {password}} and
   * {@code {vhost}} by its parts. Every user of the machine can read command lines: better use
   * {@link #broker}. The worker ends with the check, or with this JVM, and so does what it has
   * started.
   */
  public static WorkerContract of(List<String> command) {
    return new WorkerContract().with(copy -> copy.command = List.copyOf(command));
  }

  /** A contract for what a launcher starts, which need not be a process. */
  static WorkerContract of(ContractLauncher launcher) {
    return new WorkerContract().with(copy -> copy.launcher = launcher);
  }

  /** The working directory of the worker; that of this JVM where it is not set. */
  public WorkerContract directory(Path directory) {
    return with(copy -> copy.directory = directory);
  }

  /** One more environment variable of the worker, beside those of this JVM. */
  public WorkerContract environment(String name, String value) {
    Map<String, String> more = new LinkedHashMap<>(environment);
    more.put(name, value);
    return with(copy -> copy.environment = Map.copyOf(more));
  }

  /** The environment variable from which the worker reads the AMQP URI of its broker. */
  public WorkerContract broker(String variable) {
    return environment(variable, "{uri}");
  }

  /**
   * The queue that the worker consumes. It is declared durable, without arguments, where {@link
   * #topology} does not do it.
   */
  public WorkerContract requests(String queue) {
    return with(copy -> copy.requests = queue);
  }

  /** The queue that the worker publishes its replies to; declared as {@link #requests} is. */
  public WorkerContract replies(String queue) {
    return with(
        copy -> {
          copy.replies = queue;
          copy.replyTo = false;
        });
  }

  /**
   * As {@link #replies}, for a worker that answers to the address in the request: requests have the
   * queue in their {@code reply-to} property.
   */
  public WorkerContract replyTo(String queue) {
    return with(
        copy -> {
          copy.replies = queue;
          copy.replyTo = true;
        });
  }

  /** What is to be declared before the worker starts, such as an exchange that it publishes to. */
  public WorkerContract topology(Topology topology) {
    return with(copy -> copy.topology = topology);
  }

  /** The body of all requests; one that the worker can handle, and answers once. */
  public WorkerContract request(byte[] body, String contentType) {
    byte[] own = body.clone();
    return request(number -> own.clone(), contentType);
  }

  /**
   * The body of the request with a number, from 1 on: with bodies that differ, {@link #answers} can
   * tell which reply is whose.
   */
  public WorkerContract request(IntFunction<byte[]> body, String contentType) {
    return with(
        copy -> {
          copy.body = body;
          copy.contentType = contentType;
        });
  }

  /** One more header of all requests, such as one that names a type. */
  public WorkerContract header(String name, Object value) {
    Map<String, Object> more = new LinkedHashMap<>(headers);
    more.put(name, value);
    return with(copy -> copy.headers = Map.copyOf(more));
  }

  /**
   * Tells whether a reply answers a request: given the body of a request and the body of a reply,
   * of whatever form. With it, the check finds replies that have the ids of one request and the
   * body for another.
   */
  public WorkerContract answers(BiPredicate<byte[], byte[]> answers) {
    return with(copy -> copy.answers = answers);
  }

  /**
   * A message that the worker cannot handle, such as one that is no JSON. It is sent last; the
   * worker may answer it or not, and has to answer the next one.
   */
  public WorkerContract unprocessable(byte[] body, String contentType) {
    ContractSettings.Unprocessable message =
        new ContractSettings.Unprocessable(body.clone(), contentType);
    return with(copy -> copy.unprocessable = message);
  }

  /** How long to wait for the worker to consume, and for each reply; 30 s where it is not set. */
  public WorkerContract timeout(Duration timeout) {
    return with(copy -> copy.timeout = timeout);
  }

  /**
   * Starts the worker, asks it, and stops it. Blocks meanwhile.
   *
   * @throws IllegalStateException if requests, replies or a request are not set, if the queues are
   *     not free, or if the worker does not start, consume or answer at all; with its output
   */
  public Report check() {
    ContractSettings settings =
        new ContractSettings(
            launcher != null
                ? launcher
                : new ContractProcess.Command(command, directory, environment),
            set(requests, "requests(…)"),
            set(replies, "replies(…) or replyTo(…)"),
            replyTo,
            set(body, "request(…)"),
            contentType,
            headers,
            answers,
            unprocessable,
            topology,
            timeout);
    BrokerServer broker =
        Run.ofThisJvm()
            .shared(
                BrokerServer.class,
                () -> BrokerServer.start(new StandardEnvironment()::getProperty));
    String name = "sandpiper-contract-" + UUID.randomUUID().toString().substring(0, 8);
    return new Report(ContractCheck.run(settings, broker.createVirtualHost(name)));
  }

  private static <T> T set(@Nullable T value, String method) {
    if (value == null) {
      throw new IllegalStateException(
          "A worker's contract cannot be checked without %s: call it before check()"
              .formatted(method));
    }
    return value;
  }

  /** What a check has found. Immutable. */
  public static final class Report {

    private final String worker;
    private final Map<Level, ContractLevels.Finding> levels = new EnumMap<>(Level.class);
    private final List<ContractRules.Finding> rules;

    Report(ContractRecord record) {
      this.worker = record.settings().worker().description();
      ContractMatching matching = new ContractMatching(record);
      ContractLevels found = new ContractLevels(record, matching);
      for (Level level : Level.values()) {
        levels.put(level, found.find(level));
      }
      this.rules = new ContractRules(record, matching).findings();
    }

    /** Whether the worker satisfies a level in all replies. */
    public boolean satisfies(Level level) {
      return verdict(level) == Verdict.SATISFIED;
    }

    /** What the worker does about a level. */
    public Verdict verdict(Level level) {
      return finding(level).verdict();
    }

    /** What was seen of a level, in one line. */
    public String seen(Level level) {
      return finding(level).seen();
    }

    private ContractLevels.Finding finding(Level level) {
      return Objects.requireNonNull(levels.get(level));
    }

    /** The rules for any worker that it breaks, one line each; empty where it breaks none. */
    public List<String> broken() {
      return rules.stream()
          .filter(rule -> rule.state() == ContractRules.State.BROKEN)
          .map(rule -> "%s: %s".formatted(rule.rule(), rule.seen()))
          .toList();
    }

    /**
     * Fails where the worker breaks a rule, does not satisfy one of these levels, or damages a
     * level that the harness tries before them.
     *
     * @throws AssertionError with the whole table
     */
    public void require(Level... required) {
      List<String> missing = new ArrayList<>(broken());
      for (Level level : Level.values()) {
        if (level == obstacle() || !satisfies(level) && List.of(required).contains(level)) {
          missing.add("%s is %s: %s".formatted(level, verdict(level), seen(level)));
        }
      }
      if (!missing.isEmpty()) {
        throw new AssertionError(
            "The worker does not keep its contract:%n  %s%n%s"
                .formatted(String.join("%n  ".formatted(), missing), this));
      }
    }

    /** A table of all levels and rules. */
    @Override
    public String toString() {
      StringBuilder table = new StringBuilder("Worker: %s%n".formatted(worker));
      table.append("Replies can be matched by%n".formatted());
      levels.forEach(
          (level, finding) ->
              table.append(
                  "  %-34s %-13s %s%n".formatted(level, finding.verdict(), finding.seen())));
      table.append("Any worker%n".formatted());
      for (ContractRules.Finding rule : rules) {
        table.append("  %-34s %-13s %s%n".formatted(rule.rule(), rule.state(), rule.seen()));
      }
      return table.append(conclusion()).toString();
    }

    private String conclusion() {
      Level obstacle = obstacle();
      if (obstacle != null) {
        return "Replies may not come home: %s is damaged. Copy it verbatim, or not at all."
            .formatted(obstacle);
      }
      String satisfied =
          levels.keySet().stream()
              .filter(this::satisfies)
              .map(Level::toString)
              .collect(Collectors.joining(", "));
      if (satisfied.isEmpty()) {
        return "Replies belong to no test. Copy x-test-id or baggage to them, or echo the correlation"
            + " id.";
      }
      return satisfied.equals(Level.CORRELATION_ID.toString())
          ? "Replies come home where the application sets a correlation id. Where there is none, echo"
              + " the message id."
          : "Replies come home by %s.".formatted(satisfied);
    }

    /**
     * A damaged level that the harness tries before one that is satisfied, or null: what looks like
     * an id and is none is refused, whatever else the reply has.
     */
    private @Nullable Level obstacle() {
      for (Level level : List.of(Level.OWN_HEADER, Level.BAGGAGE)) {
        if (verdict(level) != Verdict.NOT_SATISFIED) {
          return satisfies(level) ? null : level;
        }
      }
      return null;
    }
  }
}
