/**
 * A service as people write them: batches of texts come in over HTTP, a worker in another language
 * scores them over RabbitMQ, and the scores are kept in PostgreSQL.
 *
 * <p>{@link io.sandpiper.example.BatchController} takes a batch in, {@link
 * io.sandpiper.example.BatchService} stores it and asks for scores, {@link
 * io.sandpiper.example.ScoringListener} receives them, {@link io.sandpiper.example.BatchRepository}
 * is the database.
 */
@NullMarked
package io.sandpiper.example;

import org.jspecify.annotations.NullMarked;
