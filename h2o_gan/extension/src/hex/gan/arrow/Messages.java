package hex.gan.arrow;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes the messages of an Arrow IPC stream other than record batches. */
final class Messages {
  static void sendSchema(OutputStream out, String[] names, ColumnType[] types) throws IOException {
    FlatWriter writer = new FlatWriter();
    FlatWriter.Table message = writer.root(4);
    message.put16(0, ArrowFormat.VERSION_5).put8(1, ArrowFormat.SCHEMA).put64(3, 0);
    FlatWriter.Tables fields = message.table(2, 2).put16(0, 0).tables(1, names.length);
    for (int i = 0; i < names.length; i++) {
      types[i].describe(fields.add(7), names[i], i);
    }
    send(out, writer.finish());
  }

  /** The levels of a column of enums. */
  static void sendLevels(OutputStream out, long id, String[] levels) throws IOException {
    byte[][] texts = new byte[levels.length][];
    long size = 0;
    for (int i = 0; i < levels.length; i++) {
      texts[i] = levels[i].getBytes(StandardCharsets.UTF_8);
      size += texts[i].length;
    }
    if (size > 1 << 30) {
      throw new IllegalStateException("levels of more than 1 GB");
    }
    Body body = new Body(levels.length, 1, size + 4L * levels.length);
    body.emptyBuffer();
    int offsets = body.addBuffer(4 * (levels.length + 1));
    ByteBuffer places = ByteBuffer.wrap(body.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    int end = 0;
    for (int i = 0; i < texts.length; i++) {
      end += texts[i].length;
      places.putInt(offsets + 4 * (i + 1), end);
    }
    int next = body.addBuffer(end);
    for (byte[] text : texts) {
      System.arraycopy(text, 0, body.bytes(), next, text.length);
      next += text.length;
    }
    body.endColumn(0);
    body.sendDictionary(out, id);
  }

  static void sendEnd(OutputStream out) throws IOException {
    send(out, new byte[0]);
  }

  static void send(OutputStream out, byte[] metadata) throws IOException {
    byte[] framed = new byte[8 + metadata.length];
    prefix(framed, metadata);
    out.write(framed);
  }

  /** Writes a message's prefix and metadata to the beginning of an array. */
  static void prefix(byte[] framed, byte[] metadata) {
    ByteBuffer head = ByteBuffer.wrap(framed).order(ByteOrder.LITTLE_ENDIAN);
    head.putInt(ArrowFormat.CONTINUATION).putInt(metadata.length).put(metadata);
  }

  private Messages() {}
}
