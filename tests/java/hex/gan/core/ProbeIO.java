package hex.gan.core;

import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** How tests talk to Java: JSON on the standard streams, arrays as their little-endian bytes in base64. */
public final class ProbeIO {
  private ProbeIO() {}

  /** The request on the standard input. */
  public static Json request() throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] part = new byte[1 << 16];
    InputStream in = System.in;
    for (int got = in.read(part); got >= 0; got = in.read(part)) {
      all.write(part, 0, got);
    }
    return Json.parse(all.toByteArray());
  }

  /** Writes an answer of text, numbers, lists and maps. */
  public static void answer(Object value) {
    StringBuilder out = new StringBuilder();
    write(out, value);
    System.out.write(out.toString().getBytes(StandardCharsets.UTF_8), 0,
        out.toString().getBytes(StandardCharsets.UTF_8).length);
    System.out.flush();
  }

  private static void write(StringBuilder out, Object value) {
    if (value instanceof Map) {
      String before = "{";
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        out.append(before);
        write(out, entry.getKey().toString());
        out.append(':');
        write(out, entry.getValue());
        before = ",";
      }
      out.append(before.equals("{") ? "{}" : "}");
    } else if (value instanceof List) {
      String before = "[";
      for (Object item : (List<?>) value) {
        out.append(before);
        write(out, item);
        before = ",";
      }
      out.append(before.equals("[") ? "[]" : "]");
    } else if (value instanceof String) {
      out.append('"');
      for (char c : ((String) value).toCharArray()) {
        out.append(c < ' ' || c > '~' || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : "" + c);
      }
      out.append('"');
    } else {
      out.append(value);
    }
  }

  private static ByteBuffer bytes(Json array) throws IOException {
    return ByteBuffer.wrap(Base64.getDecoder().decode(array.text())).order(ByteOrder.LITTLE_ENDIAN);
  }

  public static double[] doubles(Json array) throws IOException {
    ByteBuffer bytes = bytes(array);
    double[] found = new double[bytes.remaining() / 8];
    bytes.asDoubleBuffer().get(found);
    return found;
  }

  public static long[] longs(Json array) throws IOException {
    ByteBuffer bytes = bytes(array);
    long[] found = new long[bytes.remaining() / 8];
    bytes.asLongBuffer().get(found);
    return found;
  }

  public static int[] ints(Json array) throws IOException {
    ByteBuffer bytes = bytes(array);
    int[] found = new int[bytes.remaining() / 4];
    bytes.asIntBuffer().get(found);
    return found;
  }

  public static float[] floats(Json array) throws IOException {
    ByteBuffer bytes = bytes(array);
    float[] found = new float[bytes.remaining() / 4];
    bytes.asFloatBuffer().get(found);
    return found;
  }

  public static boolean[] flags(Json array) throws IOException {
    ByteBuffer bytes = bytes(array);
    boolean[] found = new boolean[bytes.remaining()];
    for (int i = 0; i < found.length; i++) {
      found[i] = bytes.get(i) != 0;
    }
    return found;
  }

  private static String text(ByteBuffer bytes) {
    return Base64.getEncoder().encodeToString(bytes.array());
  }

  private static ByteBuffer space(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  public static String array(double[] values) {
    ByteBuffer bytes = space(8 * values.length);
    bytes.asDoubleBuffer().put(values);
    return text(bytes);
  }

  public static String array(float[] values) {
    ByteBuffer bytes = space(4 * values.length);
    bytes.asFloatBuffer().put(values);
    return text(bytes);
  }

  public static String array(long[] values) {
    ByteBuffer bytes = space(8 * values.length);
    bytes.asLongBuffer().put(values);
    return text(bytes);
  }

  public static String array(int[] values) {
    ByteBuffer bytes = space(4 * values.length);
    bytes.asIntBuffer().put(values);
    return text(bytes);
  }

  public static String array(boolean[] values) {
    ByteBuffer bytes = space(values.length);
    for (boolean value : values) {
      bytes.put((byte) (value ? 1 : 0));
    }
    return text(bytes);
  }

  /** Values as the Python side writes them: kind, missing, and values or texts, with levels of an enum. */
  public static Values values(Json json) throws IOException {
    Kind kind = Kind.valueOf(json.get("kind").text().toUpperCase(Locale.ROOT));
    boolean[] missing = flags(json.get("missing"));
    if (kind == Kind.REAL) {
      return Values.real(doubles(json.get("values")), missing);
    }
    if (kind.isWhole()) {
      return Values.whole(kind, longs(json.get("values")), missing);
    }
    if (kind == Kind.ENUM) {
      return Values.levels(longs(json.get("values")), json.get("levels").texts(), missing);
    }
    List<String> texts = new ArrayList<>();
    for (Json item : json.get("texts").items()) {
      texts.add(item.isNull() ? null : item.text());
    }
    return Values.text(kind, texts.toArray(new String[0]), missing);
  }

  /** The opposite of {@link #values}. */
  public static Map<String, Object> json(Values values) {
    Map<String, Object> json = new java.util.LinkedHashMap<>();
    json.put("kind", values.kind.word());
    json.put("missing", array(values.missing));
    if (values.real != null) {
      json.put("values", array(values.real));
    } else if (values.whole != null) {
      json.put("values", array(values.whole));
    } else {
      json.put("texts", java.util.Arrays.asList(values.text));
    }
    json.put("levels", values.levels);
    return json;
  }
}
