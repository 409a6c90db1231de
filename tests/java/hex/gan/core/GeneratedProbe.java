package hex.gan.core;

import hex.gan.core.codecs.GeneratedCodec;
import hex.gan.core.codecs.IdentifierCodec;
import hex.gan.core.codecs.SequenceCodec;
import hex.gan.core.data.Condition;
import hex.gan.core.file.FileArrays;
import hex.gan.core.file.Json;
import hex.gan.core.math.Blake2b;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Generates values: {"codecs": [{"item", "arrays", "asks": [[start, rows, seed], ...]}], "texts"}. Answers with the
 * values of each ask, or the error, and with the digests of the texts.
 */
public final class GeneratedProbe {
  public static void main(String[] args) throws Exception {
    Json request = ProbeIO.request();
    List<Object> answers = new ArrayList<>();
    for (Json json : request.get("codecs").items()) {
      try {
        GeneratedCodec codec = json.get("item").get("codec").text().equals("sequence")
            ? SequenceCodec.restore(json.get("item"))
            : IdentifierCodec.restore(json.get("item"), FileArrays.of(json.get("arrays")));
        answers.add(answers(codec, json.get("asks").items()));
      } catch (DamagedException error) {
        answers.add(error.getMessage());
      }
    }
    List<Long> digests = new ArrayList<>();
    for (Json text : request.get("texts").items()) {
      byte[] bytes = Base64.getDecoder().decode(text.text());
      digests.add(new Blake2b().hash(bytes, bytes.length));
    }
    ProbeIO.answer(Arrays.asList(answers, digests));
  }

  private static List<Object> answers(GeneratedCodec codec, List<Json> asks) throws IOException {
    // The first of many threads makes what is shared.
    long[] ask = asks.isEmpty() ? new long[3] : numbers(asks.get(0));
    IntStream.range(0, 4).parallel().forEach(i -> {
      try {
        codec.generate(ask[0], (int) ask[1], ask[2] + i);
      } catch (IllegalArgumentException error) {
        // Told below.
      }
    });
    List<Object> answers = new ArrayList<>();
    for (Json each : asks) {
      long[] next = numbers(each);
      try {
        answers.add(ProbeIO.json(codec.generate(next[0], (int) next[1], next[2])));
      } catch (IllegalArgumentException error) {
        answers.add(error.getMessage());
      }
    }
    try {
      codec.checkCondition("a", Condition.value(1L));
    } catch (IllegalArgumentException error) {
      answers.add(error.getMessage());
    }
    return answers;
  }

  private static long[] numbers(Json ask) throws IOException {
    long[] numbers = new long[3];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = ask.items().get(i).whole(Long.MIN_VALUE, Long.MAX_VALUE);
    }
    return numbers;
  }
}
