package io.sandpiper;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Issues and verifies the ids of one run.
 *
 * @param run the name of the run
 * @param key the key of its MACs
 */
record Ids(String run, SecretKeySpec key) {

  private static final String ALGORITHM = "HmacSHA256";
  private static final String ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
  private static final int RUN_LENGTH = 6;
  private static final int MAC_BYTES = 12;
  private static final Pattern SHAPE =
      Pattern.compile("sp1\\.([a-z0-9]{1,16})\\.([0-9]{1,18})\\.[A-Za-z0-9_~-]{1,32}");

  static Ids random(@Nullable String secret) {
    SecureRandom random = new SecureRandom();
    StringBuilder name = new StringBuilder();
    for (int i = 0; i < RUN_LENGTH; i++) {
      name.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
    }
    String known = secret == null || secret.isBlank() ? newSecret(random) : secret;
    return new Ids(name.toString(), new SecretKeySpec(bytes(known), ALGORITHM));
  }

  /** As text, so that an environment variable can hold it. */
  private static String newSecret(SecureRandom random) {
    byte[] secret = new byte[32];
    random.nextBytes(secret);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
  }

  /** What makes the same key in another JVM. */
  String secret() {
    return new String(key.getEncoded(), StandardCharsets.UTF_8);
  }

  TestId issue(long sequence) {
    String claim = run + "." + TestId.digits(sequence);
    return new TestId(run, sequence, TestId.PREFIX + claim + "." + mac(claim));
  }

  /** Why a value that begins like an id and is that of no open sandbox is refused. */
  Refusal refuse(String value, Tombstones tombstones) {
    Matcher shape = SHAPE.matcher(value);
    if (value.length() > TestId.MAX_LENGTH || !shape.matches()) {
      return Refusal.malformed();
    }
    long sequence = Long.parseLong(shape.group(2));
    String label = TestId.label(shape.group(1), sequence);
    if (!shape.group(1).equals(run)) {
      return Refusal.stray(label);
    }
    TestId issued = issue(sequence);
    return MessageDigest.isEqual(bytes(issued.value()), bytes(value))
        ? tombstones.late(issued)
        : Refusal.forged(label);
  }

  /** An id of whatever run with the same key; null where it is none. */
  @Nullable TestId verified(String value) {
    Matcher shape = SHAPE.matcher(value);
    if (value.length() > TestId.MAX_LENGTH || !shape.matches()) {
      return null;
    }
    TestId issued = new Ids(shape.group(1), key).issue(Long.parseLong(shape.group(2)));
    return MessageDigest.isEqual(bytes(issued.value()), bytes(value)) ? issued : null;
  }

  private String mac(String claim) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(key);
      byte[] full = mac.doFinal(bytes(claim));
      return Base64.getUrlEncoder()
          .withoutPadding()
          .encodeToString(java.util.Arrays.copyOf(full, MAC_BYTES));
    } catch (GeneralSecurityException missing) {
      throw new IllegalStateException(
          "This JVM has no %s, which every JDK ships. Check its security providers."
              .formatted(ALGORITHM),
          missing);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Without the key. */
  @Override
  public String toString() {
    return "ids of run " + run;
  }
}
