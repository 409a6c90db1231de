package hex.gan.core.io;

import hex.gan.core.data.Column;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads an untrusted Arrow IPC stream, or the same in an Arrow file, one record batch at a time.
 *
 * <p>Types are those that rows have in Python and H2O: integers, floats, timestamps, texts, dictionaries of texts, and
 * UUIDs.
 */
public final class ArrowReader implements RowsReader {
  private static final int MAX_METADATA = 1 << 26;
  private static final int STEP = 1 << 20;
  private static final String MAGIC = "ARROW1";

  private final InputStream in;
  private final List<Column> columns;
  private final boolean fractions;
  private final List<ArrowField> fields = new ArrayList<>();
  private final Map<Long, String[]> dictionaries = new HashMap<>();
  /** Of each of {@link #columns} the index of its field, or -1. */
  private final int[] places;
  /** The current record batch, and how many of its rows are read. */
  private Values[] batch;
  private int read;

  private int type;
  private FlatTable header;
  private ByteBuffer body;

  /**
   * Reads the schema.
   *
   * @param fractions whether columns of whole numbers may have other numbers
   * @param lacking whether the file may lack columns, which are missing then
   * @throws IllegalArgumentException the file lacks a column, or is not an Arrow stream
   */
  public ArrowReader(InputStream file, List<Column> columns, boolean fractions, boolean lacking) throws IOException {
    in = file;
    this.columns = columns;
    this.fractions = fractions;
    try {
      if (!message() || type != ArrowFormat.SCHEMA) {
        throw broken("it has no schema");
      }
      for (int i = 0; i < header.count(1, 4); i++) {
        fields.add(new ArrowField(header.element(1, i)));
      }
    } catch (IndexOutOfBoundsException error) {
      throw broken("its schema is not valid");
    }
    places = new int[columns.size()];
    List<String> lacked = new ArrayList<>();
    for (int i = 0; i < places.length; i++) {
      places[i] = -1;
      for (int at = 0; at < fields.size() && places[i] < 0; at++) {
        places[i] = fields.get(at).name.equals(columns.get(i).name) ? at : -1;
      }
      if (places[i] < 0) {
        lacked.add(columns.get(i).name);
      } else {
        fields.get(places[i]).check(columns.get(i));
      }
    }
    if (!lacked.isEmpty() && (!lacking || lacked.size() == columns.size())) {
      throw new IllegalArgumentException("the file lacks columns of the model: " + Messages.listed(lacked) + ".");
    }
  }

  static IllegalArgumentException broken(String reason) {
    return new IllegalArgumentException("the file is not a valid Arrow stream: " + reason + ".");
  }

  /** Reads the next message; false at the end. */
  private boolean message() throws IOException {
    byte[] prefix = new byte[8];
    int got = in.read(prefix, 0, 1);
    if (got < 0) {
      return false; // A stream may end without its mark.
    }
    fill(prefix, 1);
    if (new String(prefix, StandardCharsets.ISO_8859_1).startsWith(MAGIC)) {
      fill(prefix, 0);
    }
    ByteBuffer start = little(prefix);
    int size = start.getInt(4);
    if (start.getInt(0) != ArrowFormat.CONTINUATION || size < 0 || size > MAX_METADATA) {
      throw broken("it is something else");
    }
    if (size == 0) {
      return false;
    }
    FlatTable message = FlatTable.root(little(bytes(size)));
    type = message.get8(1, 0);
    header = message.table(2);
    long length = message.get64(3, 0);
    if (header == null || length < 0) {
      throw broken("a message has no header");
    }
    if (length > Math.min(Integer.MAX_VALUE - 64, Runtime.getRuntime().maxMemory() / 4)) {
      throw new IllegalArgumentException("a record batch of " + length + " bytes does not fit into memory.");
    }
    body = little(bytes((int) length));
    return true;
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void fill(byte[] bytes, int from) throws IOException {
    for (int at = from; at < bytes.length; ) {
      int got = in.read(bytes, at, bytes.length - at);
      if (got < 0) {
        throw new EOFException("the file ends in the middle of a message");
      }
      at += got;
    }
  }

  /** So many bytes; memory grows as they arrive, not as they are declared. */
  private byte[] bytes(int size) throws IOException {
    byte[] bytes = new byte[Math.min(size, STEP)];
    fill(bytes, 0);
    while (bytes.length < size) {
      int before = bytes.length;
      bytes = Arrays.copyOf(bytes, (int) Math.min(size, 2L * before));
      fill(bytes, before);
    }
    return bytes;
  }

  @Override
  public Values[] next(int most) throws IOException {
    while (batch == null || read == batch[0].size()) {
      batch = null;
      read = 0;
      try {
        if (!message()) {
          return null;
        }
        if (type == ArrowFormat.RECORD_BATCH) {
          batch = batch();
        } else if (type == ArrowFormat.DICTIONARY_BATCH) {
          readDictionary();
        } else {
          throw broken("a message is of an unknown type");
        }
      } catch (IndexOutOfBoundsException | ArithmeticException error) {
        throw broken("a message refers to bytes outside of it, or to times beyond 64 bits");
      }
    }
    int rows = Math.min(most, batch[0].size() - read);
    int[] taken = new int[rows];
    for (int i = 0; i < rows; i++) {
      taken[i] = read + i;
    }
    read += rows;
    Values[] values = new Values[batch.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = batch[i].take(taken);
    }
    return values;
  }

  private void readDictionary() {
    long id = header.get64(0, 0);
    FlatTable values = header.table(1);
    ArrowField of = null;
    for (ArrowField field : fields) {
      of = field.isDictionary() && field.dictionary == id ? field : of;
    }
    if (of == null || values == null) {
      throw broken("a dictionary has no column");
    }
    String[] found = new ArrowColumns(values, body).texts(of.isLarge());
    if (header.get8(2, 0) != 0) {
      String[] before = dictionaries.getOrDefault(id, new String[0]);
      String[] both = Arrays.copyOf(before, before.length + found.length);
      System.arraycopy(found, 0, both, before.length, found.length);
      found = both;
    }
    dictionaries.put(id, found);
  }

  private Values[] batch() {
    ArrowColumns parts = new ArrowColumns(header, body);
    Values[] values = new Values[columns.size()];
    for (int i = 0; i < fields.size(); i++) {
      int column = -1;
      for (int at = 0; at < places.length; at++) {
        column = places[at] == i ? at : column;
      }
      if (column < 0) {
        parts.skip(fields.get(i));
      } else {
        values[column] = parts.values(fields.get(i), columns.get(column), dictionaries, fractions);
      }
    }
    for (int i = 0; i < values.length; i++) {
      if (values[i] == null) {
        values[i] = Values.none(columns.get(i), parts.rows);
      }
    }
    return values;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
