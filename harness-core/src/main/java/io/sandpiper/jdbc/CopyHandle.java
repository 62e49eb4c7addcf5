package io.sandpiper.jdbc;

import io.sandpiper.jdbc.SandboxConnection.Copying;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import org.postgresql.copy.CopyOperation;

/** A COPY in progress: has the connection for itself until it ends. */
final class CopyHandle extends PartHandle {

  private final SandboxConnection shared;
  private final Copying<? extends CopyOperation> copying;
  private final Request request;
  private boolean ended;

  CopyHandle(
      ConnectionHandle connection,
      SandboxConnection shared,
      Copying<? extends CopyOperation> copying,
      Request request) {
    super(connection);
    this.shared = shared;
    this.copying = copying;
    this.request = request;
  }

  <T> T proxy(Class<T> type) {
    return type.cast(
        Proxy.newProxyInstance(CopyHandle.class.getClassLoader(), new Class<?>[] {type}, this));
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    CopyOperation operation = copying.operation();
    if (method.getExceptionTypes().length == 0) {
      // What the driver knows itself it tells also when the connection is lost.
      return Reflect.call(method, operation, args);
    }
    boolean active = operation.isActive();
    boolean returned = false;
    try {
      boolean cancels = method.getName().equals("cancelCopy");
      Object result =
          shared.duringCopy(
              request,
              () -> {
                if (cancels) {
                  shared.cancelCopy(operation);
                  return null;
                }
                return Reflect.call(method, operation, args);
              });
      returned = !cancels;
      return result;
    } finally {
      if (active && !operation.isActive()) {
        end(returned);
      }
    }
  }

  private void end(boolean succeeded) throws SQLException {
    if (!ended) {
      ended = true;
      shared.endCopy(copying, succeeded, request);
    }
  }

  /** Does what has to be done before its connection can be closed. */
  void cancelIfOpen() throws SQLException {
    if (!ended && copying.operation().isActive()) {
      try {
        shared.duringCopy(
            request,
            () -> {
              shared.cancelCopy(copying.operation());
              return null;
            });
      } finally {
        end(false);
      }
    }
  }
}
