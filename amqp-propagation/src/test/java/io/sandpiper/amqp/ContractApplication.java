package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.Declarables;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.annotation.RabbitHandler;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.amqp.rabbit.annotation.RabbitListenerConfigurer;
import org.springframework.amqp.rabbit.batch.SimpleBatchingStrategy;
import org.springframework.amqp.rabbit.config.DirectRabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.config.RetryInterceptorBuilder;
import org.springframework.amqp.rabbit.config.SimpleRabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.config.SimpleRabbitListenerEndpoint;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.BatchingRabbitTemplate;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.DirectMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.adapter.MessageListenerAdapter;
import org.springframework.amqp.rabbit.listener.api.ChannelAwareMessageListener;
import org.springframework.amqp.rabbit.listener.api.RabbitListenerErrorHandler;
import org.springframework.amqp.rabbit.retry.RejectAndDontRequeueRecoverer;
import org.springframework.amqp.rabbit.retry.RepublishMessageRecoverer;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Primary;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * An application that consumes in every way that Spring AMQP has, a queue each. Its beans are found
 * by nobody else's component scan.
 */
@EnableAutoConfiguration
class ContractApplication {

  /** The queues from which each message is handled by {@link ContractLog}, once. */
  static final List<String> CONSUMED =
      List.of(
          "contract.method",
          "contract.class",
          "contract.direct",
          "contract.direct.acks-together",
          "contract.auto",
          "contract.manual",
          "contract.manual.direct",
          "contract.listener",
          "contract.adapter",
          "contract.endpoint",
          "contract.batch",
          "contract.batch.messages",
          "contract.batch.channel-transacted",
          "contract.batch.transaction",
          "contract.transaction",
          "contract.transaction.direct",
          "contract.channel-transacted",
          "contract.future",
          "contract.stateless",
          "contract.stateful");

  private static final List<String> OTHERS =
      List.of(
          "contract.parts",
          "contract.parts.list",
          "contract.parts.batches",
          "contract.parts.manual",
          "contract.send-to",
          "contract.sent",
          "contract.questions",
          "contract.questions.future",
          "contract.replies",
          "contract.async-replies",
          "contract.rejected",
          "contract.republished",
          "contract.republished.errors",
          "contract.error-handler",
          "contract.errors-handled",
          "contract.polled");

  static List<String> queues() {
    return Stream.concat(CONSUMED.stream(), OTHERS.stream()).toList();
  }

  @Bean
  static Declarables contractQueues() {
    return new Declarables(queues().stream().map(Queue::new).toList());
  }

  @Bean
  static ContractLog contractLog(JdbcClient jdbc) {
    return new ContractLog(jdbc);
  }

  @Bean
  static Listeners contractListeners(ContractLog log, Executor applicationTaskExecutor) {
    return new Listeners(log, applicationTaskExecutor);
  }

  @Bean
  static TypedListener typedListener(ContractLog log) {
    return new TypedListener(log);
  }

  @Bean
  static SimpleRabbitListenerContainerFactory simple(CachingConnectionFactory connections) {
    return simple(connections, factory -> {});
  }

  private static SimpleRabbitListenerContainerFactory simple(
      CachingConnectionFactory connections,
      Consumer<SimpleRabbitListenerContainerFactory> settings) {
    SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
    factory.setConnectionFactory(connections);
    factory.setConcurrentConsumers(2);
    settings.accept(factory);
    return factory;
  }

  @Bean
  static SimpleRabbitListenerContainerFactory unacknowledged(CachingConnectionFactory connections) {
    return simple(connections, factory -> factory.setAcknowledgeMode(AcknowledgeMode.NONE));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory manual(CachingConnectionFactory connections) {
    return simple(connections, factory -> factory.setAcknowledgeMode(AcknowledgeMode.MANUAL));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory batched(CachingConnectionFactory connections) {
    return simple(connections, ContractApplication::batches);
  }

  private static void batches(SimpleRabbitListenerContainerFactory factory) {
    factory.setBatchListener(true);
    factory.setConsumerBatchEnabled(true);
    factory.setBatchSize(20);
    factory.setReceiveTimeout(50L);
  }

  @Bean
  static SimpleRabbitListenerContainerFactory batchedParts(CachingConnectionFactory connections) {
    return simple(connections, factory -> factory.setBatchListener(true));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory batchedChannelTransacted(
      CachingConnectionFactory connections) {
    return simple(
        connections,
        factory -> {
          batches(factory);
          factory.setChannelTransacted(true);
        });
  }

  @Bean
  static SimpleRabbitListenerContainerFactory batchedTransaction(
      CachingConnectionFactory connections, PlatformTransactionManager transactions) {
    return simple(
        connections,
        factory -> {
          batches(factory);
          factory.setTransactionManager(transactions);
        });
  }

  @Bean
  static SimpleRabbitListenerContainerFactory channelTransacted(
      CachingConnectionFactory connections) {
    return simple(connections, factory -> factory.setChannelTransacted(true));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory transaction(
      CachingConnectionFactory connections, PlatformTransactionManager transactions) {
    return simple(connections, factory -> factory.setTransactionManager(transactions));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory stateless(CachingConnectionFactory connections) {
    return simple(
        connections,
        factory ->
            factory.setAdviceChain(
                RetryInterceptorBuilder.stateless()
                    .maxRetries(4)
                    .backOffOptions(1, 1, 10)
                    .build()));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory stateful(CachingConnectionFactory connections) {
    return simple(
        connections,
        factory ->
            factory.setAdviceChain(
                RetryInterceptorBuilder.stateful().maxRetries(4).backOffOptions(1, 1, 10).build()));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory rejecting(CachingConnectionFactory connections) {
    return simple(
        connections,
        factory ->
            factory.setAdviceChain(
                RetryInterceptorBuilder.stateless()
                    .maxRetries(2)
                    .backOffOptions(1, 1, 10)
                    .recoverer(new RejectAndDontRequeueRecoverer())
                    .build()));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory republishing(
      CachingConnectionFactory connections, RabbitTemplate rabbitTemplate) {
    return simple(
        connections,
        factory ->
            factory.setAdviceChain(
                RetryInterceptorBuilder.stateless()
                    .maxRetries(2)
                    .backOffOptions(1, 1, 10)
                    .recoverer(
                        new RepublishMessageRecoverer(
                            rabbitTemplate, "", "contract.republished.errors"))
                    .build()));
  }

  @Bean
  static SimpleRabbitListenerContainerFactory handlingErrors(
      CachingConnectionFactory connections, ContractLog log, RabbitTemplate rabbitTemplate) {
    return simple(
        connections,
        factory -> {
          factory.setDefaultRequeueRejected(false);
          factory.setErrorHandler(
              failure -> {
                String text = String.valueOf(root(failure).getMessage()).replaceAll(".* of ", "");
                log.handle("error handler", "ok" + text.substring(text.indexOf('|')));
                rabbitTemplate.convertAndSend("contract.errors-handled", text);
              });
        });
  }

  private static Throwable root(Throwable failure) {
    return failure.getCause() == null ? failure : root(failure.getCause());
  }

  @Bean
  static DirectRabbitListenerContainerFactory direct(CachingConnectionFactory connections) {
    return direct(connections, factory -> {});
  }

  private static DirectRabbitListenerContainerFactory direct(
      CachingConnectionFactory connections,
      Consumer<DirectRabbitListenerContainerFactory> settings) {
    DirectRabbitListenerContainerFactory factory = new DirectRabbitListenerContainerFactory();
    factory.setConnectionFactory(connections);
    factory.setConsumersPerQueue(2);
    settings.accept(factory);
    return factory;
  }

  @Bean
  static DirectRabbitListenerContainerFactory directAcksTogether(
      CachingConnectionFactory connections) {
    return direct(
        connections,
        factory -> {
          factory.setMessagesPerAck(5);
          factory.setAckTimeout(100L);
          factory.setMonitorInterval(100L);
        });
  }

  @Bean
  static DirectRabbitListenerContainerFactory directManual(CachingConnectionFactory connections) {
    return direct(connections, factory -> factory.setAcknowledgeMode(AcknowledgeMode.MANUAL));
  }

  @Bean
  static DirectRabbitListenerContainerFactory directTransaction(
      CachingConnectionFactory connections, PlatformTransactionManager transactions) {
    return direct(connections, factory -> factory.setTransactionManager(transactions));
  }

  @Bean
  static DirectMessageListenerContainer listenerContainer(
      CachingConnectionFactory connections, ContractLog log) {
    DirectMessageListenerContainer container = new DirectMessageListenerContainer(connections);
    container.setQueueNames("contract.listener");
    container.setMessageListener(
        (ChannelAwareMessageListener)
            (message, channel) -> log.handle("contract.listener", text(message)));
    return container;
  }

  @Bean
  static SimpleMessageListenerContainer adapterContainer(
      CachingConnectionFactory connections, ContractLog log) {
    SimpleMessageListenerContainer container = new SimpleMessageListenerContainer(connections);
    container.setQueueNames("contract.adapter");
    container.setMessageListener(
        new MessageListenerAdapter(
            (Consumer<String>) text -> log.handle("contract.adapter", text), "accept"));
    return container;
  }

  /** Its factory is no bean. */
  @Bean
  static RabbitListenerConfigurer endpoint(CachingConnectionFactory connections, ContractLog log) {
    SimpleRabbitListenerEndpoint endpoint = new SimpleRabbitListenerEndpoint();
    endpoint.setId("contract.endpoint");
    endpoint.setQueueNames("contract.endpoint");
    endpoint.setMessageListener(message -> log.handle("contract.endpoint", text(message)));
    return registrar -> registrar.registerEndpoint(endpoint, simple(connections, factory -> {}));
  }

  @Bean
  @Primary
  static RabbitTemplate rabbitTemplate(CachingConnectionFactory connections) {
    RabbitTemplate template = new RabbitTemplate(connections);
    template.setReplyTimeout(10_000);
    return template;
  }

  @Bean
  static TaskScheduler batchScheduler() {
    return new ThreadPoolTaskScheduler();
  }

  /** Three messages make a batch, and what is there after a while. */
  @Bean
  static BatchingRabbitTemplate batchingTemplate(
      CachingConnectionFactory connections, TaskScheduler batchScheduler) {
    return new BatchingRabbitTemplate(
        connections, new SimpleBatchingStrategy(3, 10_000, 200), batchScheduler);
  }

  /** Not in the context, and so is its connection factory. */
  @Bean
  static RabbitTemplate fixedReplyTemplate(CachingConnectionFactory connections) {
    RabbitTemplate template =
        new RabbitTemplate(
            new CachingConnectionFactory(connections.getRabbitConnectionFactory().clone()));
    template.setReplyAddress("contract.replies");
    template.setReplyTimeout(10_000);
    return template;
  }

  @Bean
  static SimpleMessageListenerContainer fixedReplyContainer(
      CachingConnectionFactory connections,
      @Qualifier("fixedReplyTemplate") RabbitTemplate fixedReplyTemplate) {
    SimpleMessageListenerContainer container = new SimpleMessageListenerContainer(connections);
    container.setQueueNames("contract.replies");
    container.setMessageListener(fixedReplyTemplate);
    return container;
  }

  @Bean
  static AsyncRabbitTemplate asyncTemplateWithQueue(CachingConnectionFactory connections) {
    return new AsyncRabbitTemplate(connections, "", "contract.questions", "contract.async-replies");
  }

  static String text(Message message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }

  /** Listener methods. */
  static class Listeners {

    private final ContractLog log;
    private final Executor executor;

    Listeners(ContractLog log, Executor executor) {
      this.log = log;
      this.executor = executor;
    }

    @RabbitListener(queues = "contract.method", containerFactory = "simple")
    void method(String text) {
      log.handle("contract.method", text);
    }

    @RabbitListener(queues = "contract.direct", containerFactory = "direct")
    void direct(String text) {
      log.handle("contract.direct", text);
    }

    @RabbitListener(
        queues = "contract.direct.acks-together",
        containerFactory = "directAcksTogether")
    void acksTogether(String text) {
      log.handle("contract.direct.acks-together", text);
    }

    @RabbitListener(queues = "contract.auto", containerFactory = "unacknowledged")
    void auto(String text) {
      log.handle("contract.auto", text);
    }

    @RabbitListener(queues = "contract.manual", containerFactory = "manual")
    void manual(Message message, Channel channel) throws Exception {
      log.handle("contract.manual", text(message));
      channel.basicAck(message.getMessageProperties().getDeliveryTag(), false);
    }

    @RabbitListener(queues = "contract.manual.direct", containerFactory = "directManual")
    void manualDirect(Message message, Channel channel) throws Exception {
      log.handle("contract.manual.direct", text(message));
      channel.basicAck(message.getMessageProperties().getDeliveryTag(), false);
    }

    @RabbitListener(queues = "contract.batch", containerFactory = "batched")
    void batch(List<String> texts) {
      texts.forEach(text -> log.handle("contract.batch", text));
    }

    @RabbitListener(queues = "contract.batch.messages", containerFactory = "batched")
    void messages(List<Message> messages) {
      messages.forEach(message -> log.handle("contract.batch.messages", text(message)));
    }

    @RabbitListener(
        queues = "contract.batch.channel-transacted",
        containerFactory = "batchedChannelTransacted")
    void batchChannelTransacted(List<String> texts) {
      texts.forEach(text -> log.handle("contract.batch.channel-transacted", text));
    }

    @RabbitListener(queues = "contract.batch.transaction", containerFactory = "batchedTransaction")
    void batchTransaction(List<String> texts) {
      texts.forEach(text -> log.handle("contract.batch.transaction", text));
    }

    @RabbitListener(queues = "contract.transaction", containerFactory = "transaction")
    void transaction(String text) {
      log.handle("contract.transaction", text);
    }

    @RabbitListener(queues = "contract.transaction.direct", containerFactory = "directTransaction")
    void transactionDirect(String text) {
      log.handle("contract.transaction.direct", text);
    }

    @RabbitListener(queues = "contract.channel-transacted", containerFactory = "channelTransacted")
    void channelTransacted(String text) {
      log.handle("contract.channel-transacted", text);
    }

    @RabbitListener(queues = "contract.future", containerFactory = "simple")
    CompletableFuture<Void> future(String text) {
      return CompletableFuture.runAsync(() -> log.handle("contract.future", text), executor);
    }

    @RabbitListener(queues = "contract.stateless", containerFactory = "stateless")
    void stateless(String text) {
      log.handle("contract.stateless", text);
    }

    @RabbitListener(queues = "contract.stateful", containerFactory = "stateful")
    void stateful(String text) {
      log.handle("contract.stateful", text);
    }

    @RabbitListener(queues = "contract.parts", containerFactory = "simple")
    void parts(String text) {
      log.handle("contract.parts", text);
    }

    @RabbitListener(queues = "contract.parts.list", containerFactory = "batchedParts")
    void partsList(List<String> texts) {
      texts.forEach(text -> log.handle("contract.parts.list", text));
    }

    @RabbitListener(queues = "contract.parts.batches", containerFactory = "batched")
    void partsOfBatches(List<String> texts) {
      texts.forEach(text -> log.handle("contract.parts.batches", text));
    }

    @RabbitListener(queues = "contract.parts.manual", containerFactory = "manual")
    void partsManual(Message message, Channel channel) throws Exception {
      log.handle("contract.parts.manual", text(message));
      if (message.getMessageProperties().isLastInBatch()) {
        channel.basicAck(message.getMessageProperties().getDeliveryTag(), false);
      }
    }

    @RabbitListener(queues = "contract.send-to", containerFactory = "simple")
    @SendTo("contract.sent")
    String sendTo(String text) {
      log.handle("contract.send-to", text);
      return text;
    }

    @RabbitListener(queues = "contract.sent", containerFactory = "direct")
    void sent(String text) {
      log.handle("contract.sent", text);
    }

    @RabbitListener(queues = "contract.questions", containerFactory = "simple")
    String question(String text) {
      log.handle("contract.questions", text);
      return "answer to " + text;
    }

    /** Completed, and so answered, by a thread that knows of no sandbox. */
    @RabbitListener(queues = "contract.questions.future", containerFactory = "direct")
    CompletableFuture<String> questionOfFuture(String text) {
      log.handle("contract.questions.future", text);
      CompletableFuture<String> answer = new CompletableFuture<>();
      Thread stranger = new Thread(() -> answer.complete("answer to " + text), "stranger");
      stranger.start();
      return answer;
    }

    @RabbitListener(queues = "contract.rejected", containerFactory = "rejecting")
    void rejected(String text) {
      log.handle("contract.rejected", text);
    }

    @RabbitListener(queues = "contract.republished", containerFactory = "republishing")
    void republished(String text) {
      log.handle("contract.republished", text);
    }

    @RabbitListener(queues = "contract.republished.errors", containerFactory = "simple")
    void republishedErrors(String text) {
      log.handle("contract.republished.errors", "ok" + text.substring(text.indexOf('|')));
    }

    @RabbitListener(
        queues = "contract.error-handler",
        containerFactory = "handlingErrors",
        errorHandler = "listenerErrorHandler")
    void failing(String text) {
      log.handle("contract.error-handler", text);
    }

    @RabbitListener(queues = "contract.errors-handled", containerFactory = "simple")
    void errorsHandled(String text) {
      log.handle("contract.errors-handled", "ok" + text.substring(text.indexOf('|')));
    }
  }

  @Bean
  static RabbitListenerErrorHandler listenerErrorHandler(ContractLog log) {
    return (message, channel, converted, failure) -> {
      String text = text(message);
      log.handle("listener error handler", "ok" + text.substring(text.indexOf('|')));
      throw failure;
    };
  }

  /** A listener class, whose methods are chosen by the type of the payload. */
  @RabbitListener(queues = "contract.class", containerFactory = "simple")
  static class TypedListener {

    private final ContractLog log;

    TypedListener(ContractLog log) {
      this.log = log;
    }

    @RabbitHandler
    void text(String text) {
      log.handle("contract.class", text);
    }

    @RabbitHandler
    void bytes(byte[] bytes) {
      log.handle("contract.class", new String(bytes, StandardCharsets.UTF_8));
    }
  }
}
