package io.sandpiper.example;

import java.time.OffsetDateTime;

/** That an item was given a label, and when. */
record AuditEntry(long itemId, String label, OffsetDateTime at) {}
