package hex.gan.core;

import hex.gan.core.file.BytesSource;
import hex.gan.core.file.FileSource;
import hex.gan.core.file.Json;
import hex.gan.core.file.ModelFile;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.file.Source;
import hex.gan.core.file.Tensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads model files, each given by "base", the path of a file, and "edits" of its bytes, [at, removed, base64]; or by
 * the "path" itself. Answers with all arrays, or "read" if "brief", or with the error.
 */
public final class ModelFileProbe {
  public static void main(String[] args) throws Exception {
    Json request = ProbeIO.request();
    if (request.has("failing")) {
      ProbeIO.answer(failures(Files.readAllBytes(Paths.get(request.get("failing").text()))));
      return;
    }
    Map<String, byte[]> bases = new LinkedHashMap<>();
    List<Object> answers = new ArrayList<>();
    for (Json file : request.get("files").items()) {
      if (file.has("path")) {
        answers.add(answer(file));
        continue;
      }
      String base = file.get("base").text();
      if (!bases.containsKey(base)) {
        bases.put(base, Files.readAllBytes(Paths.get(base)));
      }
      Object answer = answer(new BytesSource(edited(bases.get(base), file.get("edits").items())));
      answers.add(request.get("brief").flag() && answer instanceof Map ? "read" : answer);
    }
    ProbeIO.answer(answers);
  }

  /** What reading a model says where the first read of its file fails, where the second does, and so on. */
  private static List<Object> failures(byte[] bytes) {
    List<Object> found = new ArrayList<>();
    BytesSource whole = new BytesSource(bytes);
    for (int reads = 0; ; reads++) {
      int[] left = {reads};
      Source failing = new Source() {
        @Override
        public long size() {
          return whole.size();
        }

        @Override
        public void read(long position, byte[] into, int offset, int length) throws IOException {
          if (left[0]-- == 0) {
            throw new IOException("the disk is gone");
          }
          whole.read(position, into, offset, length);
        }
      };
      try {
        GanModel.read(failing);
        return found;
      } catch (IOException | RuntimeException error) {
        found.add(error.toString());
      }
    }
  }

  private static byte[] edited(byte[] base, List<Json> edits) throws IOException {
    byte[] bytes = base;
    for (Json edit : edits) {
      int at = edit.items().get(0).count(0, bytes.length);
      int end = at + edit.items().get(1).count(0, bytes.length - at);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.write(bytes, 0, at);
      out.write(Base64.getDecoder().decode(edit.items().get(2).text()));
      out.write(bytes, end, bytes.length - end);
      bytes = out.toByteArray();
    }
    return bytes;
  }

  private static Object answer(Json file) throws IOException {
    try (FileSource source = new FileSource(Paths.get(file.get("path").text()))) {
      return answer(source);
    } catch (IOException error) {
      return error.toString();
    }
  }

  private static Object answer(Source source) {
    try {
      return all(new ModelFile(source));
    } catch (IOException | RuntimeException | OutOfMemoryError error) {
      return error.toString();
    }
  }

  private static Map<String, Object> all(ModelFile file) throws IOException {
    Map<String, Object> found = new LinkedHashMap<>();
    Json encoder = file.json().get("encoder");
    for (int i = 0; i < encoder.get("columns").items().size(); i++) {
      add(found, "codec." + i + ".", file.codec(i));
    }
    for (int i = 0; file.kind().equals("table")
        && i < file.json().get("model").get("layout").get("columns").items().size(); i++) {
      add(found, "tokens." + i + ".", file.tokens(i));
    }
    for (int i = 0; encoder.has("rules") && i < encoder.get("rules").items().size(); i++) {
      add(found, "rules." + i + ".", file.rule(i));
    }
    Tensors weights = file.weights();
    for (String name : weights.names()) {
      int[] shape = weights.shape(name);
      String dtype = weights.dtype(name);
      Object data = dtype.equals("float32") ? ProbeIO.array(weights.floats(name, shape))
          : dtype.equals("float64") ? ProbeIO.array(weights.doubles(name, shape))
          : dtype.equals("int64") ? ProbeIO.array(weights.longs(name, shape))
          : dtype.equals("int32") ? ProbeIO.array(weights.ints(name, shape))
          : dtype.equals("bool") ? ProbeIO.array(weights.flags(name, shape)) : "";
      found.put(name, data);
    }
    return found;
  }

  private static void add(Map<String, Object> found, String prefix, NamedArrays arrays) throws IOException {
    for (String name : arrays.names()) {
      found.put(prefix + name, arrays.has(name, "float64") ? ProbeIO.array(arrays.doubles(name))
          : arrays.has(name, "float32") ? ProbeIO.array(arrays.floats(name))
          : arrays.has(name, "int64") ? ProbeIO.array(arrays.longs(name))
          : arrays.has(name, "uint64") ? ProbeIO.array(arrays.unsignedLongs(name))
          : arrays.has(name, "int32") ? ProbeIO.array(arrays.ints(name))
          : arrays.has(name, "bool") ? flags(arrays.flags(name)) : "");
    }
  }

  private static String flags(boolean[][] rows) {
    boolean[] all = new boolean[rows.length * rows[0].length];
    for (int i = 0; i < all.length; i++) {
      all[i] = rows[i / rows[0].length][i % rows[0].length];
    }
    return ProbeIO.array(all);
  }
}
