package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.util.Map;
import java.util.Objects;

/** A worker outside the harness: answers each request with its body, on a connection of its own. */
final class EchoWorker implements AutoCloseable {

  /** What of the request it copies to the reply. */
  enum Echo {
    HEADERS {
      @Override
      void copy(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {
        reply.headers(request.getHeaders());
      }
    },
    BAGGAGE {
      @Override
      void copy(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {
        reply.headers(Map.of("baggage", request.getHeaders().get("baggage") + ",other=member"));
      }
    },
    CORRELATION {
      @Override
      void copy(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {
        reply.correlationId(
            Objects.requireNonNullElse(request.getCorrelationId(), request.getMessageId()));
      }
    },
    NOTHING {
      @Override
      void copy(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply) {}
    };

    abstract void copy(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply);
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
          echo.copy(request.getProperties(), reply);
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
