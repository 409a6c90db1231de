package hex.gan.arrow;

import hex.gan.core.io.ArrowFormat;
import hex.gan.core.io.ArrowMessages;
import hex.gan.core.io.FlatWriter;
import java.io.IOException;
import java.io.OutputStream;

/** Writes the schema of an Arrow IPC stream. */
final class Messages {
  static void sendSchema(OutputStream out, String[] names, ColumnType[] types) throws IOException {
    FlatWriter writer = new FlatWriter();
    FlatWriter.Table message = writer.root(4);
    message.put16(0, ArrowFormat.VERSION_5).put8(1, ArrowFormat.SCHEMA).put64(3, 0);
    FlatWriter.Tables fields = message.table(2, 2).put16(0, 0).tables(1, names.length);
    for (int i = 0; i < names.length; i++) {
      types[i].describe(fields.add(7), names[i], i);
    }
    ArrowMessages.send(out, writer.finish());
  }

  private Messages() {}
}
