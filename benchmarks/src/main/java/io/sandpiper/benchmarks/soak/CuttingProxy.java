package io.sandpiper.benchmarks.soak;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Stands before a broker and cuts connections to it, as a network does. */
final class CuttingProxy implements AutoCloseable {

  private record Link(Socket client, Socket server) {

    void cut() {
      close(client);
      close(server);
    }

    private static void close(Socket socket) {
      try {
        socket.close();
      } catch (IOException failed) {
        throw new UncheckedIOException(failed);
      }
    }
  }

  private final String host;
  private final int port;
  private final ServerSocket listening;
  private final List<Link> links = new CopyOnWriteArrayList<>();
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "proxy");
            thread.setDaemon(true);
            return thread;
          });

  CuttingProxy(String host, int port) throws IOException {
    this.host = host;
    this.port = port;
    this.listening = new ServerSocket(0, 200, InetAddress.getLoopbackAddress());
    threads.execute(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket client = listening.accept();
        Link link = new Link(client, new Socket(host, port));
        client.setTcpNoDelay(true);
        link.server().setTcpNoDelay(true);
        links.add(link);
        threads.execute(() -> pump(link, link.client(), link.server()));
        threads.execute(() -> pump(link, link.server(), link.client()));
      } catch (IOException closed) {
        // By close(), or a client that has gone again: the next one is asked for.
      }
    }
  }

  private void pump(Link link, Socket from, Socket to) {
    try (InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      in.transferTo(out);
    } catch (IOException cut) {
      // Both ends are closed below.
    } finally {
      links.remove(link);
      link.cut();
    }
  }

  /** Cuts one connection, where there is one. */
  boolean cutOne(Random random) {
    List<Link> now = List.copyOf(links);
    if (now.isEmpty()) {
      return false;
    }
    now.get(random.nextInt(now.size())).cut();
    return true;
  }

  @Override
  public void close() throws IOException {
    listening.close();
    links.forEach(Link::cut);
    threads.shutdownNow();
  }
}
