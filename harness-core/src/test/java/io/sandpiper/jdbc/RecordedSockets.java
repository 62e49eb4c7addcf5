package io.sandpiper.jdbc;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import javax.net.SocketFactory;
import org.jspecify.annotations.Nullable;

/** Makes sockets with a {@link WireTap}; public because pgjdbc makes it by its name. */
public final class RecordedSockets extends SocketFactory {

  private final WireTap tap;

  /** Called by pgjdbc with the value of {@code socketFactoryArg}. */
  public RecordedSockets(String tap) {
    this.tap = WireTap.named(tap);
  }

  @Override
  public Socket createSocket() {
    return new Recorded(tap);
  }

  @Override
  public Socket createSocket(String host, int port) {
    throw new UnsupportedOperationException("pgjdbc connects its sockets itself");
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress local, int localPort) {
    return createSocket(host, port);
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    return createSocket(host.getHostName(), port);
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
    return createSocket(host, port);
  }

  private static final class Recorded extends Socket {

    private final FrontendMessages messages;
    private @Nullable OutputStream out;

    Recorded(WireTap tap) {
      this.messages = new FrontendMessages(tap);
    }

    @Override
    public synchronized OutputStream getOutputStream() throws IOException {
      OutputStream known = out;
      if (known == null) {
        known = new Recording(super.getOutputStream(), messages);
        out = known;
      }
      return known;
    }
  }

  private static final class Recording extends FilterOutputStream {

    private final FrontendMessages messages;

    Recording(OutputStream out, FrontendMessages messages) {
      super(out);
      this.messages = messages;
    }

    @Override
    public void write(byte[] data, int offset, int length) throws IOException {
      messages.written(data, offset, length);
      out.write(data, offset, length);
    }

    @Override
    public void write(int data) throws IOException {
      write(new byte[] {(byte) data}, 0, 1);
    }
  }
}
