package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.Work;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Decides for each handle of a pool where its statements go. */
final class Targets {

  private final SandboxDataSource.Rules rules;
  private final Run run;
  private final Servers servers;
  private final ConnectionRoom room;
  private final CheckedPool checkedPool;
  private final CloneSupply clones;
  private final Object key;
  private final Facts ownFacts = new Facts();
  private final SqlTexts texts = new SqlTexts();
  private final RefusalLog refusals = new RefusalLog();

  Targets(DataSource pool, SandboxDataSource.Rules rules, Run run) {
    this.rules = rules;
    this.run = run;
    this.servers = Run.ofThisJvm().shared(Servers.class, Servers::new);
    this.room = new ConnectionRoom(pool, servers, rules.lockTimeout());
    this.checkedPool = new CheckedPool(rules, room, run);
    this.clones = new CloneSupply(pool, room, rules.clones());
    Destination destination = room.destination();
    this.key = destination == null ? this : destination;
  }

  SqlTexts texts() {
    return texts;
  }

  CloneSupply clones() {
    return clones;
  }

  boolean autoCommit() {
    return room.autoCommit();
  }

  /** The physical connection that a handle's statements of now go to. */
  Target target(Object use) throws SQLException {
    if (rules.settingUp().getAsBoolean() || Sandbox.isOutside()) {
      return real(Target.Access.SET_UP);
    }
    Work work = Work.current();
    if (work == null) {
      return unowned(use);
    }
    Sandbox sandbox = work.sandbox();
    return sandbox.isolation() == Isolation.NONE
        ? real(Target.Access.APPLICATION)
        : shared(sandbox, use);
  }

  private Target unowned(Object use) throws SQLException {
    return switch (rules.unowned()) {
      case REFUSE -> throw refusals.told(UnownedAccessException.refused(use));
      case PASS_THROUGH -> real(Target.Access.APPLICATION);
      case SHARED -> {
        List<Sandbox> open =
            run.openSandboxes().stream()
                .filter(sandbox -> sandbox.isolation() != Isolation.NONE)
                .toList();
        if (open.size() != 1) {
          throw refusals.told(UnownedAccessException.notOne(use, open));
        }
        yield shared(open.get(0), use);
      }
    };
  }

  /** A connection of the pool, through which somebody may change the schema. */
  private Target real(Target.Access access) throws SQLException {
    Object user = Gate.user();
    if (access != Target.Access.SET_UP) {
      // Who sets up may be a test that the template waits for.
      room.gate().await(user);
    }
    Target.Real real = new Target.Real(checkedPool.connection(), access);
    room.gate().entered(real.connection(), user);
    noteAccess(real);
    return real;
  }

  /** A handle that led to a connection for itself was closed. */
  void closed(Target.Real real) {
    room.gate().left(real.connection());
    noteAccess(real);
  }

  private void noteAccess(Target.Real real) {
    if (real.access() == Target.Access.CLONE) {
      return;
    }
    forgetFacts();
    if (real.access() == Target.Access.SET_UP) {
      clones.touched();
    }
  }

  private void forgetFacts() {
    if (room.mustAsk()) {
      servers.forgetFacts();
    } else {
      facts(room.destination()).forget();
    }
  }

  /** What is known of the database that pools share which lead there. */
  private Facts facts(@Nullable Destination destination) {
    return destination == null ? ownFacts : servers.facts(destination);
  }

  private Target shared(Sandbox sandbox, Object use) throws SQLException {
    return room.mustAsk() ? asked(sandbox, use) : own(sandbox, use);
  }

  private Target own(Sandbox sandbox, Object use) throws SQLException {
    SandboxPart part = part(sandbox);
    return part instanceof Clone clone
        ? new Target.Real(clone.connection(use), Target.Access.CLONE)
        : shared(part, sandbox, use);
  }

  private static Target.Shared shared(@Nullable Object part, Sandbox sandbox, Object use)
      throws SandboxEndedException {
    if (part instanceof SandboxConnection connection) {
      return new Target.Shared(connection);
    }
    throw SandboxEndedException.of(sandbox, use.toString());
  }

  /** Whatever the pool gives says where it leads: it may lead somewhere else each time. */
  private Target asked(Sandbox sandbox, Object use) throws SQLException {
    Connection given = room.pooledConnection();
    // Of another wrapped pool, which has done what is to be done.
    if (given.isWrapperFor(SandboxedConnection.class)) {
      return new Target.Real(given, Target.Access.CLONE);
    }
    if (sandbox.isolation() == Isolation.DATABASE) {
      given.close();
      return own(sandbox, use);
    }
    ConnectionRoom offering = room.offering(given);
    try {
      Destination destination = Destination.of(given);
      Target.Shared target =
          shared(
              sandbox.part(
                  destination == null ? key : destination,
                  () -> new SandboxConnection(sandbox, offering, facts(destination))),
              sandbox,
              use);
      target.connection().raw(use);
      return target;
    } finally {
      offering.withdraw();
    }
  }

  /** The sandbox's connection or clone, made now where it has none; null where it has ended. */
  @Nullable SandboxPart part(Sandbox sandbox) {
    return sandbox.part(key, () -> newPart(sandbox));
  }

  private SandboxPart newPart(Sandbox sandbox) {
    if (sandbox.isolation() == Isolation.DATABASE) {
      Clone clone = new Clone(sandbox, texts, clones::of, rules.clones().keepFailed());
      if (rules.clones().toldToOthers()) {
        DatabaseToJoin.add(sandbox, clone);
      }
      return clone;
    }
    if (rules.clones().keepFailed()) {
      sandbox.part(HowToKeep.class, HowToKeep::new);
    }
    return new SandboxConnection(sandbox, room, facts(room.destination()));
  }

  boolean isUsed() {
    return room.isRunning();
  }

  /** Whether one has to ask each time where the pool leads. */
  boolean mustAsk() {
    return room.mustAsk();
  }

  void close() throws SQLException {
    // They may have the last room for connections, which those who drop clones need.
    room.closeIdle();
    clones.close();
    checkedPool.close();
    room.close();
  }
}
