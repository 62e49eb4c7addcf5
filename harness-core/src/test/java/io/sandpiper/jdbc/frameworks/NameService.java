package io.sandpiper.jdbc.frameworks;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.transaction.annotation.Isolation;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.event.TransactionPhase;
import org.springframework.transaction.event.TransactionalEventListener;

/** An application's service: the same for every framework. */
class NameService {

  private final Names names;
  private final ApplicationEventPublisher events;

  NameService(Names names, ApplicationEventPublisher events) {
    this.names = names;
    this.events = events;
  }

  /** An event that says whom to tell about it. */
  record Added(String name, Consumer<String> listener) {}

  @Transactional
  public void in(Consumer<Names> work) {
    work.accept(names);
  }

  @Transactional(propagation = Propagation.REQUIRES_NEW)
  public void inNew(Consumer<Names> work) {
    work.accept(names);
  }

  @Transactional(propagation = Propagation.NESTED)
  public void nested(Consumer<Names> work) {
    work.accept(names);
  }

  @Transactional(isolation = Isolation.SERIALIZABLE, timeout = 30)
  public void serializably(Consumer<Names> work) {
    work.accept(names);
  }

  @Transactional(readOnly = true)
  public <T> T reading(Function<Names, T> work) {
    return work.apply(names);
  }

  @Transactional
  public void addAndTell(String name, Consumer<String> listener) {
    names.add(name);
    events.publishEvent(new Added(name, listener));
  }

  @Transactional
  public void addAll(List<String> added) {
    names.addBatch(added);
  }

  @TransactionalEventListener(phase = TransactionPhase.AFTER_COMMIT)
  public void added(Added event) {
    event.listener().accept(event.name());
  }
}
