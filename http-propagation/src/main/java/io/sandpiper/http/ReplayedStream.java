package io.sandpiper.http;

import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;

/** Bytes that were read from a request's stream, as that stream would have given them. */
final class ReplayedStream extends ServletInputStream {

  private final ByteArrayInputStream content;
  private final ServletInputStream original;

  ReplayedStream(byte[] content, ServletInputStream original) {
    this.content = new ByteArrayInputStream(content);
    this.original = original;
  }

  @Override
  public int read() {
    return content.read();
  }

  @Override
  public int read(byte[] target, int offset, int length) {
    return content.read(target, offset, length);
  }

  @Override
  public int available() {
    return content.available();
  }

  @Override
  public boolean isFinished() {
    return content.available() == 0;
  }

  @Override
  public boolean isReady() {
    return !isFinished();
  }

  /**
   * Lets the container call the listener, on a thread and at a time of its choice as ever: the
   * original stream is at its end, and when the container says so there is everything to read.
   */
  @Override
  public void setReadListener(ReadListener listener) {
    original.setReadListener(new Late(listener));
  }

  private final class Late implements ReadListener {

    private final ReadListener listener;

    Late(ReadListener listener) {
      this.listener = listener;
    }

    @Override
    public void onDataAvailable() {}

    @Override
    public void onAllDataRead() throws IOException {
      listener.onDataAvailable();
      if (isFinished()) {
        listener.onAllDataRead();
      }
    }

    @Override
    public void onError(Throwable failure) {
      listener.onError(failure);
    }
  }
}
