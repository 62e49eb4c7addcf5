package io.sandpiper.example;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.DataClassRowMapper;
import org.springframework.jdbc.core.RowMapper;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/** The tables of this service. */
@Repository
class BatchRepository {

  private static final RowMapper<ScoringRequest.Text> TEXT =
      new DataClassRowMapper<>(ScoringRequest.Text.class);
  private static final RowMapper<Item> ITEM = new DataClassRowMapper<>(Item.class);
  private static final RowMapper<AuditEntry> AUDIT_ENTRY =
      new DataClassRowMapper<>(AuditEntry.class);

  private final JdbcClient jdbc;

  BatchRepository(JdbcClient jdbc) {
    this.jdbc = jdbc;
  }

  long insert(@Nullable String name) {
    return jdbc.sql("INSERT INTO batch (name) VALUES (?) RETURNING id")
        .param(name)
        .query(Long.class)
        .single();
  }

  /** Inserts all texts by one statement; the items are in the order of the texts. */
  List<ScoringRequest.Text> insertItems(long batchId, List<String> texts) {
    return jdbc.sql(
            """
            WITH inserted AS (
              INSERT INTO item (batch_id, position, text)
              SELECT ?, position, text FROM unnest(?) WITH ORDINALITY AS texts (text, position)
              RETURNING id, position, text)
            SELECT id, text FROM inserted ORDER BY position
            """)
        .params(batchId, texts.toArray(String[]::new))
        .query(TEXT)
        .list();
  }

  Optional<Batch> find(long batchId) {
    return jdbc.sql("SELECT id, name, state, error FROM batch WHERE id = ?")
        .param(batchId)
        .query(Batch.class)
        .optional();
  }

  /** The items of a batch in the order in which they were submitted. */
  List<Item> items(long batchId) {
    return jdbc.sql(
            "SELECT id, text, label, confidence FROM item WHERE batch_id = ? ORDER BY position")
        .param(batchId)
        .query(ITEM)
        .list();
  }

  List<AuditEntry> audit(long batchId) {
    return jdbc.sql(
            """
            SELECT audit.item_id, audit.label, audit.at
            FROM audit JOIN item ON item.id = audit.item_id
            WHERE item.batch_id = ? ORDER BY item.position
            """)
        .param(batchId)
        .query(AUDIT_ENTRY)
        .list();
  }

  /** Labels an item of a batch and says so in the audit; does nothing where it has its label. */
  void label(long batchId, ScoringResult.Score score) {
    jdbc.sql(
            """
            WITH labelled AS (
              UPDATE item SET label = ?, confidence = ?
              WHERE id = ? AND batch_id = ? AND label IS NULL
              RETURNING id, label)
            INSERT INTO audit (item_id, label) SELECT id, label FROM labelled
            """)
        .params(score.label(), score.confidence(), score.id(), batchId)
        .update();
  }

  /** Returns whether somebody is to be told: it has a name, and was not scored before. */
  boolean markScored(long batchId) {
    return jdbc.sql(
            """
            UPDATE batch SET state = 'SCORED' WHERE id = ? AND state = 'PENDING'
            RETURNING name IS NOT NULL
            """)
        .param(batchId)
        .query(Boolean.class)
        .optional()
        .orElse(false);
  }

  void markFailed(long batchId, String error) {
    jdbc.sql("UPDATE batch SET state = 'FAILED', error = ? WHERE id = ? AND state = 'PENDING'")
        .params(error, batchId)
        .update();
  }

  /** The batches that wait for an answer since so long; from now on they are asked anew. */
  List<Long> askedLongAgo(Duration patience) {
    return jdbc.sql(
            """
            UPDATE batch SET asked_at = now()
            WHERE state = 'PENDING' AND asked_at <= now() - ? * interval '1 millisecond'
            RETURNING id
            """)
        .param(patience.toMillis())
        .query((row, number) -> row.getLong("id"))
        .list();
  }

  /** The texts of a batch in the order in which they were submitted. */
  List<ScoringRequest.Text> texts(long batchId) {
    return jdbc.sql("SELECT id, text FROM item WHERE batch_id = ? ORDER BY position")
        .param(batchId)
        .query(TEXT)
        .list();
  }

  /** The labels that a batch has, each once, in the order of the alphabet. */
  List<String> labels(long batchId) {
    return jdbc.sql("SELECT DISTINCT label FROM item WHERE batch_id = ? ORDER BY label")
        .param(batchId)
        .query((row, number) -> row.getString("label"))
        .list();
  }

  /** How many items of a batch have a label. */
  int count(long batchId, String label) {
    return jdbc.sql("SELECT count(*) FROM item WHERE batch_id = ? AND label = ?")
        .params(batchId, label)
        .query(Integer.class)
        .single();
  }

  void insertNotification(long batchId, String text) {
    jdbc.sql("INSERT INTO notification (batch_id, text) VALUES (?, ?)")
        .params(batchId, text)
        .update();
  }

  Optional<String> notification(long batchId) {
    return jdbc.sql("SELECT text FROM notification WHERE batch_id = ?")
        .param(batchId)
        .query(String.class)
        .optional();
  }
}
