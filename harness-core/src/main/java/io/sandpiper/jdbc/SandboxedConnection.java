package io.sandpiper.jdbc;

/** Marks the connections of a wrapped pool, which other proxies may stand around. */
interface SandboxedConnection {}
