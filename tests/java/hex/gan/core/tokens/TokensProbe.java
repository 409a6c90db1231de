package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.ProbeIO;
import hex.gan.core.codecs.Codec;
import hex.gan.core.codecs.Codecs;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.file.FileSource;
import hex.gan.core.file.Json;
import hex.gan.core.file.ModelFile;
import hex.gan.core.file.NamedArrays;
import java.io.IOException;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Draws "members" of choices, and reads "layouts" over the columns of the model at "path". */
public final class TokensProbe {
  private TokensProbe() {}

  public static void main(String[] arguments) throws IOException {
    Json request = ProbeIO.request();
    Map<String, Object> answer = new LinkedHashMap<>();
    List<Object> drawn = new ArrayList<>();
    for (Json item : request.get("members").items()) {
      Members members = new Members(ProbeIO.ints(item.get("choices")), ProbeIO.doubles(item.get("shares")));
      boolean[] allowed = item.get("allowed").isNull() ? null : ProbeIO.flags(item.get("allowed"));
      drawn.add(ProbeIO.array(
          members.draw(ProbeIO.ints(item.get("drawn")), ProbeIO.doubles(item.get("uniforms")), allowed)));
    }
    answer.put("members", drawn);
    answer.put("layouts", layouts(request));
    ProbeIO.answer(answer);
  }

  private static List<Object> layouts(Json request) throws IOException {
    List<Object> found = new ArrayList<>();
    if (request.get("layouts").items().isEmpty()) {
      return found;
    }
    try (FileSource source = new FileSource(Paths.get(request.get("path").text()))) {
      ModelFile file = new ModelFile(source);
      List<LearnedCodec> learned = new ArrayList<>();
      List<Json> items = file.json().get("encoder").get("columns").items();
      for (int i = 0; i < items.size(); i++) {
        Codec codec = Codecs.restore(items.get(i), file.codec(i));
        if (codec instanceof LearnedCodec) {
          learned.add((LearnedCodec) codec);
        }
      }
      NamedArrays[] arrays = new NamedArrays[learned.size()];
      for (int i = 0; i < arrays.length; i++) {
        arrays[i] = file.tokens(i);
      }
      for (Json layout : request.get("layouts").items()) {
        try {
          RowLayout.restore(layout, learned.toArray(new LearnedCodec[0]), arrays);
          found.add("read");
        } catch (DamagedException error) {
          found.add(error.getMessage());
        }
      }
    }
    return found;
  }
}
