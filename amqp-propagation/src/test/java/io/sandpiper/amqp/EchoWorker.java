package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;

/** A worker outside the harness: answers each request with its body, on a connection of its own. */
final class EchoWorker implements AutoCloseable {

  /** What of the request it copies to the reply. */
  enum Echo implements BiFunction<AMQP.BasicProperties, AMQP.BasicProperties.Builder, Object> {
    HEADERS {
      @Override
      public Object apply(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {
        return reply.headers(request.getHeaders());
      }
    },
    BAGGAGE {
      @Override
      public Object apply(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {
        return reply.headers(
            Map.of("baggage", request.getHeaders().get("baggage") + ",other=member"));
      }
    },
    CORRELATION {
      @Override
      public Object apply(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {
        return reply.correlationId(
            Objects.requireNonNullElse(request.getCorrelationId(), request.getMessageId()));
      }
    },
    NOTHING {
      @Override
      public Object apply(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {
        return reply;
      }
    }
  }

  private final Connection connection;

  EchoWorker(ConnectionFactory broker, String requests, String replies, Echo echo)
      throws Exception {
    ConnectionFactory own = broker.clone();
    own.setObservationCollector(com.rabbitmq.client.observation.ObservationCollector.NO_OP);
    connection = own.newConnection("worker");
    Channel channel = connection.createChannel();
    channel.basicQos(64);
    channel.basicConsume(
        requests,
        false,
        (tag, request) -> {
          AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
          echo.apply(request.getProperties(), reply);
          channel.basicPublish("", replies, reply.build(), request.getBody());
          channel.basicAck(request.getEnvelope().getDeliveryTag(), false);
        },
        tag -> {});
  }

  @Override
  public void close() throws Exception {
    connection.close();
  }
}
