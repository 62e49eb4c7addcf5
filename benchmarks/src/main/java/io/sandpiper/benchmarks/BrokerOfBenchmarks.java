package io.sandpiper.benchmarks;

import com.rabbitmq.client.ConnectionFactory;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.amqp.autoconfigure.RabbitConnectionDetails;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;

/** A virtual host on the broker that a test run gets: a configured one, or one that is started. */
public final class BrokerOfBenchmarks implements AutoCloseable {

  private final ConfigurableApplicationContext holder;
  private final RabbitConnectionDetails details;

  @EnableAutoConfiguration(
      exclude = DataSourceAutoConfiguration.class,
      excludeName = "io.sandpiper.spring.SandpiperDatabaseAutoConfiguration")
  static class Holder {}

  /** Starts one, unless the settings name one. */
  public BrokerOfBenchmarks() {
    holder =
        new SpringApplicationBuilder(Holder.class)
            .web(WebApplicationType.NONE)
            .bannerMode(Banner.Mode.OFF)
            .properties("sandpiper.enabled=true", "logging.level.root=off")
            .run();
    details = holder.getBean(RabbitConnectionDetails.class);
  }

  /** Where it is and who may connect. */
  public RabbitConnectionDetails details() {
    return details;
  }

  /** A factory of connections to it, which nothing has wrapped. */
  public ConnectionFactory factory() {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setHost(details.getFirstAddress().host());
    factory.setPort(details.getFirstAddress().port());
    factory.setUsername(details.getUsername());
    factory.setPassword(details.getPassword());
    factory.setVirtualHost(details.getVirtualHost());
    return factory;
  }

  @Override
  public void close() {
    holder.close();
  }
}
