package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Parses JSON to String, Long, Double, Boolean, null, Object[] and {@link Members}.
 *
 * <p>Mirrors parsed() of h2o_gan/engine/storage/entries.py: the same texts are refused, and those with a doubled key.
 */
final class JsonParser {
  /** Most bytes of a text. */
  static final int MAX_BYTES = 64 << 20;
  /** Most objects and lists of a manifest. */
  static final int MAX_CONTAINERS = 500_000;

  private static final int MAX_DEPTH = 64;
  /** Bounds memory to about half a gigabyte. */
  private static final int MAX_VALUES = 8_000_000;
  private static final int MAX_WHOLE_LENGTH = 24;

  private final byte[] text;
  /** What the text is, for messages. */
  private final String name;
  private final int maxContainers;
  private final CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder();
  /** Keys occur again and again: each is one string. */
  private final Map<String, String> keys = new HashMap<>();
  private int at;
  private int depth;
  private int containers;
  private int values;

  /** The keys and values of an object, in the order of the text. */
  static final class Members {
    final String[] keys;
    final Object[] values;
    /** The index of each key; null where there are few. */
    private final Map<String, Integer> places;

    Members(String[] keys, Object[] values, Map<String, Integer> places) {
      this.keys = keys;
      this.values = values;
      this.places = places;
    }

    /** The index of a key, or -1. */
    int indexOf(String key) {
      if (places != null) {
        return places.getOrDefault(key, -1);
      }
      for (int i = 0; i < keys.length; i++) {
        if (keys[i].equals(key)) {
          return i;
        }
      }
      return -1;
    }
  }

  private JsonParser(byte[] text, String name, int maxContainers) {
    this.text = text;
    this.name = name;
    this.maxContainers = maxContainers;
  }

  static Object parse(byte[] utf8, String name, int maxContainers) throws DamagedException {
    if (utf8.length > MAX_BYTES) {
      throw new DamagedException(name + " is too large");
    }
    JsonParser parser = new JsonParser(utf8, name, maxContainers);
    parser.skipSpace();
    Object value = parser.value();
    parser.skipSpace();
    if (parser.at < utf8.length) {
      throw parser.invalid("more text behind the value");
    }
    return value;
  }

  private DamagedException invalid(String reason) {
    return new DamagedException(name + " is not valid JSON: " + reason + " at byte " + at);
  }

  private void skipSpace() {
    while (at < text.length && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
      at++;
    }
  }

  private int peek() {
    return at < text.length ? text[at] : -1;
  }

  private Object value() throws DamagedException {
    if (++values > MAX_VALUES) {
      throw new DamagedException(name + " has too many parts");
    }
    switch (peek()) {
      case '{':
        return object();
      case '[':
        return list();
      case '"':
        return string();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Object word(String word, Object value) throws DamagedException {
    for (int i = 0; i < word.length(); i++) {
      if (at + i >= text.length || text[at + i] != word.charAt(i)) {
        throw invalid("no value");
      }
    }
    at += word.length();
    return value;
  }

  /** Enters an object or a list; whether it is empty. */
  private boolean enter(char end) throws DamagedException {
    if (++containers > maxContainers) {
      throw new DamagedException(name + " has too many parts");
    }
    if (++depth > MAX_DEPTH) {
      throw new DamagedException(name + " is nested too deeply");
    }
    at++;
    skipSpace();
    if (peek() != end) {
      return false;
    }
    leave();
    return true;
  }

  private void leave() {
    at++;
    depth--;
  }

  /** Whether a comma follows, or else the end. */
  private boolean hasNext(char end) throws DamagedException {
    skipSpace();
    if (peek() == ',') {
      at++;
      skipSpace();
      return true;
    }
    if (peek() != end) {
      throw invalid("neither a comma nor '" + end + "'");
    }
    leave();
    return false;
  }

  private Object[] list() throws DamagedException {
    if (enter(']')) {
      return new Object[0];
    }
    List<Object> items = new ArrayList<>();
    do {
      items.add(value());
    } while (hasNext(']'));
    return items.toArray();
  }

  private Members object() throws DamagedException {
    List<String> names = new ArrayList<>();
    List<Object> items = new ArrayList<>();
    if (!enter('}')) {
      do {
        if (peek() != '"') {
          throw invalid("no key");
        }
        String key = string();
        String known = keys.putIfAbsent(key, key);
        names.add(known == null ? key : known);
        skipSpace();
        if (peek() != ':') {
          throw invalid("no colon");
        }
        at++;
        skipSpace();
        items.add(value());
      } while (hasNext('}'));
    }
    Members members = new Members(names.toArray(new String[0]), items.toArray(), places(names));
    for (int i = 0; i < members.keys.length; i++) {
      if (members.indexOf(members.keys[i]) != i) {
        throw invalid("a doubled key");
      }
    }
    return members;
  }

  /** The index of each of many keys, the first one of equal ones. */
  private static Map<String, Integer> places(List<String> names) {
    if (names.size() <= 16) {
      return null;
    }
    Map<String, Integer> places = new HashMap<>(2 * names.size());
    for (int i = 0; i < names.size(); i++) {
      places.putIfAbsent(names.get(i), i);
    }
    return Collections.unmodifiableMap(places);
  }

  private static boolean isDigit(int c) {
    return c >= '0' && c <= '9';
  }

  private void digits() throws DamagedException {
    if (!isDigit(peek())) {
      throw invalid("no value");
    }
    while (isDigit(peek())) {
      at++;
    }
  }

  private Object number() throws DamagedException {
    int start = at;
    if (peek() == '-') {
      at++;
    }
    if (peek() == '0') {
      at++;
    } else {
      digits();
    }
    boolean whole = true;
    if (peek() == '.') {
      whole = false;
      at++;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      at++;
      if (peek() == '+' || peek() == '-') {
        at++;
      }
      digits();
    }
    String number = new String(text, start, at - start, StandardCharsets.ISO_8859_1);
    if (!whole) {
      double value = Double.parseDouble(number);
      if (Double.isInfinite(value)) {
        throw invalid("too large a number");
      }
      return value;
    }
    try {
      if (number.length() <= MAX_WHOLE_LENGTH) {
        return Long.valueOf(number);
      }
    } catch (NumberFormatException error) {
      // Thrown below.
    }
    throw invalid("not a 64-bit number");
  }

  private String string() throws DamagedException {
    int start = ++at;
    boolean isPlain = true;
    while (peek() != '"') {
      if (at >= text.length) {
        throw invalid("a text without end");
      }
      if (text[at] >= 0 && text[at] < ' ') {
        throw invalid("a control character in a text");
      }
      isPlain &= text[at] > 0 && text[at] != '\\';
      at += text[at] == '\\' ? 2 : 1;
    }
    int end = at++;
    if (isPlain) {
      return start == end ? "" : new String(text, start, end - start, StandardCharsets.ISO_8859_1);
    }
    return unescaped(start, end);
  }

  /** A text with escapes, or characters beyond ASCII. */
  private String unescaped(int start, int end) throws DamagedException {
    StringBuilder out = new StringBuilder(end - start);
    int from = start;
    while (from < end) {
      int to = from;
      while (to < end && text[to] != '\\') {
        to++;
      }
      try {
        out.append(utf8.decode(ByteBuffer.wrap(text, from, to - from)));
      } catch (CharacterCodingException error) {
        throw invalid("a text that is not UTF-8");
      }
      from = to;
      if (from < end) {
        out.append(escaped(from, end));
        from += text[from + 1] == 'u' ? 6 : 2;
      }
    }
    for (int i = 0; i < out.length(); i++) {
      if (Character.isHighSurrogate(out.charAt(i)) && i + 1 < out.length()
          && Character.isLowSurrogate(out.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(out.charAt(i))) {
        throw invalid("half of a surrogate pair in a text");
      }
    }
    return out.toString();
  }

  private char escaped(int from, int end) throws DamagedException {
    int which = "\"\\/bfnrt".indexOf(text[from + 1]);
    if (which >= 0) {
      return "\"\\/\b\f\n\r\t".charAt(which);
    }
    int code = text[from + 1] == 'u' && from + 6 <= end ? 0 : -1;
    for (int i = 2; i < 6 && code >= 0; i++) {
      int digit = text[from + i] < 0 ? -1 : Character.digit((char) text[from + i], 16);
      code = digit < 0 ? -1 : 16 * code + digit;
    }
    if (code < 0) {
      throw invalid("an unknown escape");
    }
    return (char) code;
  }
}
