package hex.gan.core;

import hex.gan.core.file.Json;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parses each of {"texts": base64}, and answers with the value in a list, or why it is refused. */
public final class JsonProbe {
  public static void main(String[] args) throws Exception {
    List<Object> answers = new ArrayList<>();
    for (Json text : ProbeIO.request().get("texts").items()) {
      answers.add(answer(Base64.getDecoder().decode(text.text())));
    }
    ProbeIO.answer(answers);
  }

  private static Object answer(byte[] text) {
    try {
      return Collections.singletonList(value(Json.parse(text)));
    } catch (DamagedException error) {
      return error.getMessage();
    }
  }

  private static Object value(Json json) throws DamagedException {
    if (json.isObject()) {
      Map<String, Object> members = new LinkedHashMap<>();
      for (Map.Entry<String, Json> entry : json.entries().entrySet()) {
        members.put(entry.getKey(), value(entry.getValue()));
      }
      return members;
    }
    if (json.isList()) {
      List<Object> items = new ArrayList<>();
      for (Json item : json.items()) {
        items.add(value(item));
      }
      return items;
    }
    if (json.isText()) {
      return json.text();
    }
    if (json.isWhole()) {
      return json.whole(Long.MIN_VALUE, Long.MAX_VALUE);
    }
    // A double as text: its bits must arrive.
    return json.isNumber() ? "double " + json.number() : json.isNull() ? null : json.flag();
  }
}
