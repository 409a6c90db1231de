package hex.gan.core.io;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes the messages of an Arrow IPC stream other than schemas and record batches. */
public final class ArrowMessages {
  private ArrowMessages() {}

  /** The levels of a column of enums. */
  public static void sendLevels(OutputStream out, long id, List<String> levels) throws IOException {
    byte[][] texts = new byte[levels.size()][];
    long size = 0;
    for (int i = 0; i < levels.size(); i++) {
      texts[i] = levels.get(i).getBytes(StandardCharsets.UTF_8);
      size += texts[i].length;
    }
    if (size > 1 << 30) {
      throw new IllegalStateException("levels of more than 1 GB");
    }
    Body body = new Body(levels.size(), 1, size + 4L * levels.size());
    body.emptyBuffer();
    int offsets = body.addBuffer(4 * (levels.size() + 1));
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

  public static void sendEnd(OutputStream out) throws IOException {
    send(out, new byte[0]);
  }

  public static void send(OutputStream out, byte[] metadata) throws IOException {
    byte[] framed = new byte[8 + metadata.length];
    prefix(framed, metadata);
    out.write(framed);
  }

  /** Writes a message's prefix and metadata to the beginning of an array. */
  public static void prefix(byte[] framed, byte[] metadata) {
    ByteBuffer head = ByteBuffer.wrap(framed).order(ByteOrder.LITTLE_ENDIAN);
    head.putInt(ArrowFormat.CONTINUATION).putInt(metadata.length).put(metadata);
  }
}
