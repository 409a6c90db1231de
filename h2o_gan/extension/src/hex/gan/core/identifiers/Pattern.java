package hex.gan.core.identifiers;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import hex.gan.core.math.SplitMix64;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The characters that each position of a value may have.
 *
 * <p>Mirrors Pattern of h2o_gan/engine/data/identifiers.py.
 */
final class Pattern {
  private static final int MAX_LENGTH = 200;
  /** Most numbers that decide positions. */
  private static final long MAX_COUNTED = 1L << 32;
  private static final long MAX_WEIGHT = (1L << 53) - 1;
  private static final String UUID_LOOK = "********-****-****-****-************";
  private static final String HEX = "0123456789abcdef";

  /** Number of distinct training values with this pattern. */
  final long weight;
  /** The number of values with this pattern, at most Long.MAX_VALUE. */
  final long space;
  /** The first of the last positions that a number decides, and how many numbers there are. */
  final int firstCounted;
  final long counted;

  /** ASCII characters of each position. */
  private final byte[][] chars;

  private Pattern(byte[][] chars, long weight) {
    this.chars = chars;
    this.weight = weight;
    long all = 1;
    for (byte[] here : chars) {
      all = all > Long.MAX_VALUE / here.length ? Long.MAX_VALUE : all * here.length;
    }
    space = all;
    int first = chars.length;
    long size = 1;
    while (first > 0 && size * chars[first - 1].length <= MAX_COUNTED) {
      first--;
      size *= chars[first].length;
    }
    firstCounted = first;
    counted = size;
  }

  int length() {
    return chars.length;
  }

  /**
   * Writes a value of the pattern, distinct for distinct numbers.
   *
   * @param number from 0 to {@link #counted}
   * @param noise decides the positions that the number does not
   * @param text (length(),) filled
   */
  void render(long number, long noise, byte[] text) {
    long left = number;
    for (int position = chars.length - 1; position >= firstCounted; position--) {
      byte[] here = chars[position];
      text[position] = here[(int) (left % here.length)];
      left /= here.length;
    }
    for (int position = 0; position < firstCounted; position++) {
      byte[] here = chars[position];
      text[position] = here[(int) SplitMix64.remainder(SplitMix64.mix(noise + position), here.length)];
    }
  }

  /** Reads a pattern with room for new values: {"chars", "weight"}. */
  static Pattern restore(Json json, boolean isUuid) throws DamagedException {
    List<byte[]> chars = new ArrayList<>();
    StringBuilder look = new StringBuilder();
    for (String here : json.get("chars").texts()) {
      byte[] ascii = ascii(here);
      if (ascii == null || chars.size() > MAX_LENGTH) {
        throw json.wrong("is not a pattern of identifiers");
      }
      chars.add(ascii);
      look.append(here.equals("-") ? '-' : isHex(here) ? '*' : '?');
    }
    Json weight = json.get("weight");
    if (chars.isEmpty() || (isUuid && !look.toString().equals(UUID_LOOK))) {
      throw json.wrong("is not a pattern of identifiers");
    }
    Pattern pattern = new Pattern(chars.toArray(new byte[0][]), weight.whole(1, MAX_WEIGHT));
    if (pattern.space < 2 * pattern.weight) {
      throw json.wrong("is a pattern of identifiers without room");
    }
    return pattern;
  }

  /** Distinct printable characters; null for others. */
  private static byte[] ascii(String chars) {
    if (chars.isEmpty()) {
      return null;
    }
    boolean[] seen = new boolean[128];
    for (int i = 0; i < chars.length(); i++) {
      char c = chars.charAt(i);
      if (c < ' ' || c > '~' || seen[c]) {
        return null;
      }
      seen[c] = true;
    }
    return chars.getBytes(StandardCharsets.US_ASCII);
  }

  private static boolean isHex(String chars) {
    for (int i = 0; i < chars.length(); i++) {
      if (HEX.indexOf(chars.charAt(i)) < 0) {
        return false;
      }
    }
    return true;
  }
}
