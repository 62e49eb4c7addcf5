package io.sandpiper.jdbc;

/** What stands behind an object that belongs to a connection of the application. */
abstract class PartHandle extends JdbcHandle {

  final ConnectionHandle connection;

  PartHandle(ConnectionHandle connection) {
    this.connection = connection;
  }

  @Override
  final void refused(SandboxException refusal) {
    connection.refused(refusal);
  }
}
