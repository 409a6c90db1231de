package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UnsupportedEncodingException;
import java.math.BigDecimal;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import javax.servlet.http.HttpServletRequest;

/** Reads and checks the contents of requests. */
final class Requests {
  /** Most bytes of JSON in a body; a model's tables may take more. */
  static final int JSON_BYTES = 1 << 20;

  private static final int DEPTH = 32;
  private static final int VALUES = 500_000;
  private static final int FORM_FIELDS = 100;
  private static final Pattern FORM = Pattern.compile("\\w+=.*", Pattern.DOTALL);
  private static final Pattern PLAIN_JSON = Pattern.compile("true|false|-?\\d+(\\.\\d+)?([eE][+-]?\\d+)?");
  /** Characters of JSON outside of strings, beside brackets, commas, letters and digits. */
  private static final String PLAIN = ":+-. \t\r\n";
  private static final int MESSAGE_CHARS = 4000;

  /** A refused request, with the HTTP status of the answer. */
  static final class Refusal extends Exception {
    private static final long serialVersionUID = 1;
    final int status;
    /** Seconds after which to try again; 0 for no hint. */
    final int retryAfter;

    Refusal(int status, String message) {
      this(status, message, 0);
    }

    Refusal(int status, String message, int retryAfter) {
      super(message);
      this.status = status;
      this.retryAfter = retryAfter;
    }
  }

  /**
   * The body, JSON or a form, as a JSON object; an empty one where there is no body. H2O's clients send forms. Fields
   * that are numbers, true, false or begin with a brace count as JSON, others as text.
   */
  static JsonObject json(HttpServletRequest request) throws IOException, Refusal {
    return json(request, JSON_BYTES);
  }

  /**
   * @param most bytes that the body may have
   */
  static JsonObject json(HttpServletRequest request, int most) throws IOException, Refusal {
    String body = new String(bytes(request, most), StandardCharsets.UTF_8);
    if (FORM.matcher(body).matches()) {
      return form(body);
    }
    JsonElement json = checked(body, "the body");
    if (!json.isJsonObject() && !json.isJsonNull()) {
      throw new Refusal(400, "the body must be a JSON object");
    }
    return json.isJsonNull() ? new JsonObject() : json.getAsJsonObject();
  }

  private static JsonObject form(String body) throws Refusal {
    JsonObject form = new JsonObject();
    String[] fields = body.split("&", FORM_FIELDS + 1);
    if (fields.length > FORM_FIELDS) {
      throw new Refusal(400, "the form has more than " + FORM_FIELDS + " fields");
    }
    for (String field : fields) {
      int equals = field.indexOf('=');
      String name = decoded(equals < 0 ? field : field.substring(0, equals));
      String value = equals < 0 ? "" : decoded(field.substring(equals + 1));
      boolean json = value.startsWith("{") || PLAIN_JSON.matcher(value).matches();
      form.add(name, json ? checked(value, name) : new JsonPrimitive(value));
    }
    return form;
  }

  private static JsonElement checked(String json, String what) throws Refusal {
    String wrong = wrong(json.getBytes(StandardCharsets.UTF_8), DEPTH);
    JsonElement parsed = wrong == null ? parse(json) : null;
    if (parsed == null) {
      throw new Refusal(400, wrong == null ? what + " must be a JSON object" : wrong);
    }
    return parsed;
  }

  /** Parses JSON; returns null where the text is not JSON. */
  @SuppressWarnings("deprecation") // The Gson of older versions of H2O has only this one.
  static JsonElement parse(String text) {
    try {
      return new JsonParser().parse(text);
    } catch (JsonParseException | NumberFormatException e) {
      return null;
    }
  }

  private static byte[] bytes(HttpServletRequest request, int most) throws IOException, Refusal {
    // Not as a form, which curl declares: reading a parameter first would consume the body.
    InputStream in = request.getInputStream();
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] part = new byte[1 << 13];
    int got;
    while ((got = in.read(part)) >= 0) {
      if (all.size() + got > most) {
        throw new Refusal(413, "the body is longer than " + most + " bytes");
      }
      all.write(part, 0, got);
    }
    return all.toByteArray();
  }

  /**
   * The reason why a text is not parsed; null where it may be. The parser accepts more than JSON, for instance comments,
   * which could hide brackets, and it makes an object of a hundred bytes of every "1,".
   *
   * @param most allowed depth of lists and objects
   */
  static String wrong(byte[] json, int most) {
    int depth = 0;
    int values = 0;
    boolean quoted = false;
    for (int i = 0; i < json.length; i++) {
      byte c = json[i];
      if (quoted) {
        i += c == '\\' ? 1 : 0;
        quoted = c != '"';
      } else if (c == '"') {
        quoted = true;
      } else if (c == '[' || c == '{') {
        values++;
        if (++depth > most) {
          return "the body nests JSON more than " + most + " levels deep";
        }
      } else if (c == ']' || c == '}') {
        depth--;
      } else if (c == ',') {
        values++;
      } else if (PLAIN.indexOf(c) < 0 && !Character.isLetterOrDigit(c)) {
        return "the body must be a JSON object";
      }
    }
    return values > VALUES ? "the body has more than " + VALUES + " values" : null;
  }

  /** A query parameter; null where it is not given. Does not read the body. */
  static String query(HttpServletRequest request, String name) throws Refusal {
    String query = request.getQueryString();
    for (String part : query == null ? new String[0] : query.split("&")) {
      int equals = part.indexOf('=');
      if (decoded(equals < 0 ? part : part.substring(0, equals)).equals(name)) {
        return equals < 0 ? "" : decoded(part.substring(equals + 1));
      }
    }
    return null;
  }

  private static String decoded(String text) throws Refusal {
    try {
      return URLDecoder.decode(text, "UTF-8");
    } catch (UnsupportedEncodingException | IllegalArgumentException e) {
      throw new Refusal(400, "the address is not well encoded: " + text);
    }
  }

  /** Refuses unknown keys, so that a misspelt key is not ignored. */
  static void only(JsonObject body, Set<String> known) throws Refusal {
    for (java.util.Map.Entry<String, JsonElement> entry : body.entrySet()) {
      if (!known.contains(entry.getKey())) {
        throw new Refusal(
            400, "'" + shortened(entry.getKey()) + "' is not known here; known are " + String.join(", ", known));
      }
    }
  }

  /** A required string. */
  static String text(JsonObject body, String name) throws Refusal {
    String text = text(body, name, null);
    if (text == null || text.isEmpty()) {
      throw new Refusal(400, name + " is missing");
    }
    return text;
  }

  static String text(JsonObject body, String name, String otherwise) throws Refusal {
    if (!body.has(name) || body.get(name).isJsonNull()) {
      return otherwise;
    }
    if (!body.get(name).isJsonPrimitive()) {
      throw new Refusal(400, name + " must be a text");
    }
    return shortened(body.get(name).getAsString());
  }

  /** A boolean; false where none is given. */
  static boolean flag(JsonObject body, String name) throws Refusal {
    JsonElement value = body.get(name);
    if (value == null || value.isJsonNull()) {
      return false;
    }
    if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isBoolean()) {
      throw new Refusal(400, name + " must be true or false");
    }
    return value.getAsBoolean();
  }

  /** One of some words; the first where none is given. */
  static String choice(JsonObject body, String name, List<String> words) throws Refusal {
    String word = text(body, name, words.get(0));
    if (!words.contains(word)) {
      throw new Refusal(400, name + " must be one of " + String.join(", ", words) + ", not '" + word + "'");
    }
    return word;
  }

  /** A string cut to a bounded length, to be stored or shown. */
  static String shortened(String text) {
    return text.length() <= MESSAGE_CHARS ? text : text.substring(0, MESSAGE_CHARS) + " ...";
  }

  static double number(JsonObject body, String name, double otherwise, double least, double most) throws Refusal {
    if (!body.has(name) || body.get(name).isJsonNull()) {
      return otherwise;
    }
    try {
      if (body.getAsJsonPrimitive(name).isNumber()) {
        double number = body.get(name).getAsDouble();
        if (number >= least && number <= most) {
          return number;
        }
      }
    } catch (NumberFormatException | ClassCastException e) {
      // Refused below.
    }
    throw new Refusal(400, name + " must be a number from " + plain(least) + " to " + plain(most));
  }

  /** A seed of up to 63 bits, more than a double holds; null where none is given. */
  static Long seed(JsonObject body) throws Refusal {
    JsonElement value = body.get("seed");
    if (value == null || value.isJsonNull()) {
      return null;
    }
    try {
      if (value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber()) {
        // Neither rounded nor cut.
        long seed = new BigDecimal(value.getAsString()).longValueExact();
        if (seed >= 0) {
          return seed;
        }
      }
    } catch (ArithmeticException | NumberFormatException e) {
      // Refused below.
    }
    throw new Refusal(400, "seed must be a whole number from 0 to " + Long.MAX_VALUE);
  }

  /** An integer in any notation: 5, 5.0 and 5e0 are the same. */
  static long whole(JsonObject body, String name, long otherwise, long least, long most) throws Refusal {
    double number = number(body, name, otherwise, least, most);
    if (number != Math.rint(number)) {
      throw new Refusal(400, name + " must be a whole number");
    }
    return (long) number;
  }

  /** The number in plain notation: integers without a point. */
  static String plain(double number) {
    return number == Math.rint(number) && Math.abs(number) <= 1L << 53
        ? Long.toString((long) number) : Double.toString(number);
  }

  private Requests() {}
}
