package io.sandpiper.amqp;

import com.rabbitmq.client.MetricsCollector;
import com.rabbitmq.client.NoOpMetricsCollector;
import com.rabbitmq.client.observation.ObservationCollector;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An application's own collectors, which write down what they are told. */
final class Collectors {

  private final List<String> calls = new CopyOnWriteArrayList<>();
  private final MetricsCollector metrics =
      recording(MetricsCollector.class, new NoOpMetricsCollector());
  private final ObservationCollector observations =
      recording(ObservationCollector.class, ObservationCollector.NO_OP);

  MetricsCollector metrics() {
    return metrics;
  }

  ObservationCollector observations() {
    return observations;
  }

  List<String> calls() {
    return calls;
  }

  private <T> T recording(Class<T> type, T target) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (self, method, args) -> {
              if (method.getDeclaringClass() == Object.class) {
                return method.getName().equals("equals")
                    ? (Object) (self == args[0])
                    : method.invoke(target, args);
              }
              calls.add(method.getName());
              try {
                return method.invoke(target, args);
              } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
              }
            }));
  }
}
