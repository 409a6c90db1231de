package hex.gan.core;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.io.ArrowReader;
import hex.gan.core.io.CsvReader;
import hex.gan.core.io.CsvWriter;
import hex.gan.core.io.RowsReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Reads each of {"columns": [[name, kind]], "files": base64}, CSV or Arrow by its start, and writes it as CSV. */
public final class RowsProbe {
  public static void main(String[] args) throws Exception {
    Json request = ProbeIO.request();
    List<Column> columns = new ArrayList<>();
    for (Json item : request.get("columns").items()) {
      columns.add(new Column(item.items().get(0).text(),
          Kind.valueOf(item.items().get(1).text().toUpperCase(Locale.ROOT)), Collections.emptyList()));
    }
    List<Object> answers = new ArrayList<>();
    for (Json file : request.get("files").items()) {
      byte[] bytes = Base64.getDecoder().decode(file.text());
      try {
        answers.add(Collections.singletonList(csv(bytes, columns)));
      } catch (IOException | IllegalArgumentException error) {
        answers.add(error.getMessage());
      } catch (RuntimeException | OutOfMemoryError error) {
        answers.add(Collections.singletonMap("crash", error.toString()));
      }
    }
    ProbeIO.answer(answers);
  }

  private static String csv(byte[] bytes, List<Column> columns) throws IOException {
    ByteArrayInputStream in = new ByteArrayInputStream(bytes);
    boolean isCsv = bytes.length > 0 && bytes[0] == '"';
    CsvWriter writer = new CsvWriter(columns);
    StringBuilder out = new StringBuilder(new String(writer.head(), StandardCharsets.UTF_8));
    try (RowsReader reader = isCsv
        ? new CsvReader(in, ',', columns, false, false)
        : new ArrowReader(in, columns, false, false)) {
      for (Values[] block = reader.next(7); block != null; block = reader.next(7)) {
        out.append(new String(writer.encode(Collections.singletonList(block)), StandardCharsets.UTF_8));
      }
    }
    return out.toString();
  }
}
