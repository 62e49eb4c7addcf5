package io.sandpiper.example;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

@Configuration(proxyBeanMethods = false)
class QueryConfiguration {

  private static final int AT_ONCE = 4;

  /** Apart from the executor of what waits for queries, which would fill it and wait for ever. */
  @Bean
  ExecutorService queries() {
    return Executors.newFixedThreadPool(AT_ONCE);
  }
}
