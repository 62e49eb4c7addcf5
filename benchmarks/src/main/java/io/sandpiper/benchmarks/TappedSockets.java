package io.sandpiper.benchmarks;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import javax.net.SocketFactory;

/** Makes sockets with a {@link Tap}; public because pgjdbc makes it by its name. */
public final class TappedSockets extends SocketFactory {

  private final Tap tap;

  /** Called by pgjdbc with the value of {@code socketFactoryArg}. */
  public TappedSockets(String tap) {
    this.tap = Tap.named(tap);
  }

  @Override
  public Socket createSocket() {
    return new Tapped(tap);
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

  private static final class Tapped extends Socket {

    private final Tap tap;

    Tapped(Tap tap) {
      this.tap = tap;
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
      return new FilterOutputStream(super.getOutputStream()) {
        @Override
        public void write(byte[] data, int offset, int length) throws IOException {
          if (tap.sent(data, offset, length)) {
            out.write(data, offset, length);
          }
        }

        @Override
        public void write(int data) throws IOException {
          write(new byte[] {(byte) data}, 0, 1);
        }
      };
    }

    @Override
    public InputStream getInputStream() throws IOException {
      return new FilterInputStream(super.getInputStream()) {
        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
          if (tap.answers()) {
            return tap.replay(into, offset, length);
          }
          int count = in.read(into, offset, length);
          tap.received(into, offset, count);
          return count;
        }

        @Override
        public int read() throws IOException {
          byte[] one = new byte[1];
          return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }
      };
    }
  }
}
