package hex.gan;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import javax.servlet.http.HttpServletRequest;

/** What a request brings, checked. */
final class Requests {
  /** A request that is refused, with its HTTP status. */
  static final class Refusal extends Exception {
    private static final long serialVersionUID = 1;
    final int status;

    Refusal(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  /** The body as a JSON object; an empty one where there is no body. */
  @SuppressWarnings("deprecation") // Newer parsers are missing in the older H2O's Gson.
  static JsonObject json(HttpServletRequest request) throws IOException, Refusal {
    try (Reader in = new InputStreamReader(request.getInputStream(), StandardCharsets.UTF_8)) {
      JsonElement body = new JsonParser().parse(in);
      if (body.isJsonNull()) {
        return new JsonObject();
      }
      if (body.isJsonObject()) {
        return body.getAsJsonObject();
      }
    } catch (JsonParseException e) {
      // Refused below.
    }
    throw new Refusal(400, "the body must be a JSON object");
  }

  /** A text that must be there. */
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
    return body.get(name).getAsString();
  }

  static double number(JsonObject body, String name, double otherwise, double least, double most) throws Refusal {
    if (!body.has(name) || body.get(name).isJsonNull()) {
      return otherwise;
    }
    try {
      double number = body.get(name).getAsDouble();
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException | UnsupportedOperationException | IllegalStateException e) {
      // Refused below.
    }
    throw new Refusal(400, name + " must be a number from " + least + " to " + most);
  }

  private Requests() {}
}
