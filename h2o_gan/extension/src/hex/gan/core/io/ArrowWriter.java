package hex.gan.core.io;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An Arrow IPC stream with the types of samples in Python: int64, float64, timestamp[ms, UTC], dictionaries, utf8 and
 * arrow.uuid.
 *
 * <p>Levels of a column are written once, before the rows; those of identifiers, which have no fixed ones, before each
 * record batch.
 */
public final class ArrowWriter implements RowsWriter {
  private static final long MAX_LEVEL_BYTES = 1 << 30;

  private final List<Column> columns;

  public ArrowWriter(List<Column> columns) {
    this.columns = columns;
  }

  @Override
  public byte[] head() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    FlatWriter writer = new FlatWriter();
    FlatWriter.Table message = writer.root(4);
    message.put16(0, ArrowFormat.VERSION_5).put8(1, ArrowFormat.SCHEMA).put64(3, 0);
    FlatWriter.Tables fields = message.table(2, 2).put16(0, 0).tables(1, columns.size());
    for (int i = 0; i < columns.size(); i++) {
      describe(fields.add(7), columns.get(i), i);
    }
    ArrowMessages.send(out, writer.finish());
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).kind == Kind.ENUM && !columns.get(i).levels.isEmpty()) {
        ArrowMessages.sendLevels(out, i, columns.get(i).levels);
      }
    }
    return out.toByteArray();
  }

  private static void describe(FlatWriter.Table field, Column column, long dictionary) {
    field.put(0, column.name).put8(1, 1);
    switch (column.kind) {
      case INT:
        field.put8(2, ArrowFormat.INT).table(3, 2).put32(0, 64).put8(1, 1);
        break;
      case REAL:
        field.put8(2, ArrowFormat.FLOATING_POINT).table(3, 1).put16(0, 2);
        break;
      case TIME:
        field.put8(2, ArrowFormat.TIMESTAMP).table(3, 2).put16(0, 1).put(1, "UTC");
        break;
      case ENUM:
        field.put8(2, ArrowFormat.UTF8).table(3, 0);
        field.table(4, 2).put64(0, dictionary).table(1, 2).put32(0, 32).put8(1, 1);
        break;
      case STRING:
        field.put8(2, ArrowFormat.UTF8).table(3, 0);
        break;
      default:
        field.put8(2, ArrowFormat.FIXED_SIZE_BINARY).table(3, 1).put32(0, 16);
        FlatWriter.Tables metadata = field.tables(6, 2);
        metadata.add(2).put(0, ArrowFormat.EXTENSION_NAME).put(1, ArrowFormat.UUID_EXTENSION);
        metadata.add(2).put(0, ArrowFormat.EXTENSION_METADATA).put(1, "");
    }
    field.tables(5, 0);
  }

  @Override
  public byte[] encode(List<Values[]> blocks) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int rows = 0;
    for (Values[] block : blocks) {
      rows += block[0].size();
    }
    Body body = new Body(rows, columns.size(), 16L * rows * columns.size());
    for (int i = 0; i < columns.size(); i++) {
      Column column = columns.get(i);
      int validity = body.addBuffer((rows + 7) / 8);
      int nulls = validity(body.bytes(), validity, blocks, i);
      if (column.kind == Kind.ENUM) {
        levels(body, out, blocks, i, rows);
      } else if (column.kind == Kind.STRING) {
        texts(body, blocks, i, rows);
      } else {
        numbers(body, blocks, i, column.kind == Kind.UUID ? 16 : 8, rows);
      }
      body.endColumn(nulls);
    }
    out.write(body.message());
    return out.toByteArray();
  }

  /** Fills the bits of values that are not missing; the number of missing ones. */
  private static int validity(byte[] bytes, int start, List<Values[]> blocks, int column) {
    int row = 0;
    int nulls = 0;
    for (Values[] block : blocks) {
      for (boolean missing : block[column].missing) {
        if (missing) {
          nulls++;
        } else {
          bytes[start + (row >> 3)] |= (byte) (1 << (row & 7));
        }
        row++;
      }
    }
    return nulls;
  }

  private static ByteBuffer buffer(Body body, int size) {
    int start = body.addBuffer(size);
    ByteBuffer bytes = ByteBuffer.wrap(body.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    bytes.position(start);
    return bytes;
  }

  private static void numbers(Body body, List<Values[]> blocks, int column, int width, int rows) {
    ByteBuffer out = buffer(body, width * rows);
    for (Values[] block : blocks) {
      Values values = block[column];
      for (int row = 0; row < values.size(); row++) {
        if (values.missing[row]) {
          out.position(out.position() + width);
        } else if (values.text != null) {
          String text = values.text[row];
          out.putLong(Long.reverseBytes(half(text, 0)));
          out.putLong(Long.reverseBytes(half(text, 18)));
        } else if (values.real != null) {
          out.putDouble(values.real[row]);
        } else {
          out.putLong(values.whole[row]);
        }
      }
    }
  }

  /** Sixteen hex digits of a UUID, with a hyphen or two among them. */
  private static long half(String uuid, int from) {
    long bits = 0;
    for (int at = from, digits = 0; digits < 16; at++) {
      if (uuid.charAt(at) != '-') {
        bits = bits << 4 | Character.digit(uuid.charAt(at), 16);
        digits++;
      }
    }
    return bits;
  }

  private static void texts(Body body, List<Values[]> blocks, int column, int rows) {
    byte[][] texts = new byte[rows][];
    int row = 0;
    long size = 0;
    for (Values[] block : blocks) {
      for (int i = 0; i < block[column].size(); i++) {
        texts[row] = block[column].missing[i] ? new byte[0] : block[column].text[i].getBytes(StandardCharsets.UTF_8);
        size += texts[row++].length;
      }
    }
    if (size > MAX_LEVEL_BYTES) {
      throw new IllegalStateException("texts of more than 1 GB");
    }
    ByteBuffer offsets = buffer(body, 4 * (rows + 1));
    offsets.putInt(0);
    int end = 0;
    for (byte[] text : texts) {
      end += text.length;
      offsets.putInt(end);
    }
    ByteBuffer out = buffer(body, end);
    for (byte[] text : texts) {
      out.put(text);
    }
  }

  /** Indices of levels; levels that are not the column's are sent before. */
  private void levels(Body body, ByteArrayOutputStream out, List<Values[]> blocks, int column, int rows)
      throws IOException {
    List<String> known = columns.get(column).levels;
    boolean isFixed = !known.isEmpty();
    Map<String, Integer> places = null;
    if (!isFixed) {
      places = new LinkedHashMap<>();
    }
    ByteBuffer indices = buffer(body, 4 * rows);
    for (Values[] block : blocks) {
      Values values = block[column];
      int[] index = new int[values.levels.size()];
      if (!isFixed) {
        for (int i = 0; i < index.length; i++) {
          Integer place = places.putIfAbsent(values.levels.get(i), places.size());
          index[i] = place == null ? places.size() - 1 : place;
        }
      } else if (values.levels != known && !values.levels.equals(known)) {
        if (places == null) {
          places = new HashMap<>();
          for (String level : known) {
            places.putIfAbsent(level, places.size());
          }
        }
        for (int i = 0; i < index.length; i++) {
          index[i] = places.get(values.levels.get(i));
        }
      } else {
        index = null;
      }
      for (int row = 0; row < values.size(); row++) {
        int level = values.missing[row] ? 0 : (int) values.whole[row];
        indices.putInt(values.missing[row] || index == null ? level : index[level]);
      }
    }
    if (!isFixed) {
      ArrowMessages.sendLevels(out, column, new ArrayList<>(places.keySet()));
    }
  }

  @Override
  public byte[] end() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ArrowMessages.sendEnd(out);
    return out.toByteArray();
  }
}
