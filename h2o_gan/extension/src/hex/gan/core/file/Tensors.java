package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The tensors of a safetensors entry, by name.
 *
 * <p>Only its header is read at once. Each tensor is read when it is asked for, while the file is open.
 */
public final class Tensors {
  private static final int MAX_HEADER_BYTES = 32 << 20;
  private static final int MAX_TENSORS = 300_000;
  private static final int MAX_DIMENSIONS = 8;
  private static final int PIECE = 1 << 18;
  private static final String[] TYPES =
      {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64", "F16", "F32", "F64"};
  private static final String[] DTYPES = {
    "bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"
  };
  private static final int[] BYTES = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8};

  private final Source entry;
  /** Position of the first tensor. */
  private final long data;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  /** One tensor: its type as numpy calls it, its shape, and its bytes. */
  private static final class Tensor {
    final String name;
    final String dtype;
    final int[] shape;
    final int size;
    final long start;
    final long end;

    Tensor(String name, String dtype, int[] shape, int size, long start, long end) {
      this.name = name;
      this.dtype = dtype;
      this.shape = shape;
      this.size = size;
      this.start = start;
      this.end = end;
    }
  }

  /**
   * Reads a header, and checks that tensors fill the entry without gaps.
   *
   * @param entry the entry's bytes
   * @param name of the entry, for messages
   */
  Tensors(Source entry, String name) throws IOException {
    this.entry = entry;
    String what = "the header of its entry " + name;
    long length = entry.size() < 8 ? -1 : littleEndian(entry, 0, 8).getLong();
    if (length < 0 || length > Math.min(entry.size() - 8, MAX_HEADER_BYTES)) {
      throw new DamagedException(what + " is too long");
    }
    data = 8 + length;
    byte[] header = littleEndian(entry, 8, (int) length).array();
    for (byte c : header) {
      if (c == '\\') {
        throw new DamagedException(what + " has escaped characters");
      }
    }
    List<Tensor> found = new ArrayList<>();
    for (Map.Entry<String, Json> each : Json.parse(header, what, 3 * MAX_TENSORS).entries().entrySet()) {
      if (each.getKey().equals("__metadata__")) {
        for (Json text : each.getValue().entries().values()) {
          text.text();
        }
      } else {
        found.add(tensor(each.getKey(), each.getValue(), name));
      }
    }
    if (found.size() > MAX_TENSORS) {
      throw new DamagedException("its entry " + name + " has too many tensors");
    }
    found.sort(Comparator.<Tensor>comparingLong(tensor -> tensor.start).thenComparingLong(tensor -> tensor.end));
    long end = 0;
    for (Tensor tensor : found) {
      if (tensor.start != end) {
        throw new DamagedException("the tensors of its entry " + name + " have gaps or overlap");
      }
      end = tensor.end;
      tensors.put(tensor.name, tensor);
    }
    if (end != entry.size() - data) {
      throw new DamagedException("the tensors of its entry " + name + " do not fill it");
    }
  }

  private static ByteBuffer littleEndian(Source source, long position, int length) throws IOException {
    byte[] bytes = new byte[length];
    source.read(position, bytes, 0, length);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private Tensor tensor(String name, Json json, String entryName) throws DamagedException {
    String type = json.get("dtype").text();
    int at = Arrays.asList(TYPES).indexOf(type);
    if (at < 0) {
      String shown = type.length() > 20 ? type.substring(0, 20) : type;
      throw new DamagedException("its entry " + entryName + " has tensors of the unknown type '" + shown + "'");
    }
    int[] shape = json.get("shape").counts(0, Integer.MAX_VALUE);
    long size = 1;
    for (int length : shape) {
      size *= length;
      if (size > Integer.MAX_VALUE) {
        throw json.wrong("has too many numbers");
      }
    }
    List<Json> offsets = json.get("data_offsets").items();
    if (shape.length > MAX_DIMENSIONS || offsets.size() != 2) {
      throw json.wrong("has too many dimensions or offsets");
    }
    long start = offsets.get(0).whole(0, Integer.MAX_VALUE);
    long end = offsets.get(1).whole(start, Integer.MAX_VALUE);
    if (end - start != size * BYTES[at]) {
      throw json.wrong("does not have the bytes of its shape");
    }
    return new Tensor(name, DTYPES[at], shape, (int) size, start, end);
  }

  /** The names of all tensors, unmodifiable. */
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  public boolean has(String name) {
    return tensors.containsKey(name);
  }

  /** The type of a tensor as numpy calls it, such as "float32". */
  public String dtype(String name) throws DamagedException {
    return tensor(name).dtype;
  }

  /** The shape of a tensor. */
  public int[] shape(String name) throws DamagedException {
    return tensor(name).shape.clone();
  }

  private Tensor tensor(String name) throws DamagedException {
    Tensor found = tensors.get(name);
    if (found == null) {
      throw new DamagedException("it has no tensor " + name);
    }
    return found;
  }

  /** A tensor, of which type and shape are checked. */
  private Tensor tensor(String name, String dtype, int[] shape) throws DamagedException {
    Tensor found = tensor(name);
    if (!found.dtype.equals(dtype) || !Arrays.equals(found.shape, shape)) {
      throw new DamagedException(
          "its tensor " + name + " is " + found.dtype + " " + Arrays.toString(found.shape) + ", not " + dtype + " "
          + Arrays.toString(shape));
    }
    return found;
  }

  /** float32, in the order of rows. */
  public float[] floats(String name, int... shape) throws IOException {
    Tensor tensor = tensor(name, "float32", shape);
    return floats(tensor, 0, tensor.size);
  }

  /** float64, in the order of rows. */
  public double[] doubles(String name, int... shape) throws IOException {
    Tensor tensor = tensor(name, "float64", shape);
    return doubles(tensor, 0, tensor.size);
  }

  /** int64, in the order of rows. */
  public long[] longs(String name, int... shape) throws IOException {
    Tensor tensor = tensor(name, "int64", shape);
    return longs(tensor, 0, tensor.size);
  }

  /** int32, in the order of rows. */
  public int[] ints(String name, int... shape) throws IOException {
    Tensor tensor = tensor(name, "int32", shape);
    return ints(tensor, 0, tensor.size);
  }

  /** bool, in the order of rows. */
  public boolean[] flags(String name, int... shape) throws IOException {
    Tensor tensor = tensor(name, "bool", shape);
    boolean[] flags = new boolean[tensor.size];
    read(tensor, 1, 0, tensor.size, (bytes, at) -> {
      for (int i = at; bytes.hasRemaining(); i++) {
        flags[i] = bytes.get() != 0;
      }
    });
    return flags;
  }

  /** Numbers start to end of a one-dimensional tensor, whose type the caller has checked. */
  double[] doublesWithin(String name, int start, int end) throws IOException {
    return doubles(tensor(name), start, end);
  }

  float[] floatsWithin(String name, int start, int end) throws IOException {
    return floats(tensor(name), start, end);
  }

  /** int64 or uint64. */
  long[] longsWithin(String name, int start, int end) throws IOException {
    return longs(tensor(name), start, end);
  }

  int[] intsWithin(String name, int start, int end) throws IOException {
    return ints(tensor(name), start, end);
  }

  private double[] doubles(Tensor tensor, int start, int end) throws IOException {
    double[] found = new double[end - start];
    read(tensor, 8, start, end, (bytes, at) -> bytes.asDoubleBuffer().get(found, at, bytes.remaining() / 8));
    return found;
  }

  private float[] floats(Tensor tensor, int start, int end) throws IOException {
    float[] found = new float[end - start];
    read(tensor, 4, start, end, (bytes, at) -> bytes.asFloatBuffer().get(found, at, bytes.remaining() / 4));
    return found;
  }

  private long[] longs(Tensor tensor, int start, int end) throws IOException {
    long[] found = new long[end - start];
    read(tensor, 8, start, end, (bytes, at) -> bytes.asLongBuffer().get(found, at, bytes.remaining() / 8));
    return found;
  }

  private int[] ints(Tensor tensor, int start, int end) throws IOException {
    int[] found = new int[end - start];
    read(tensor, 4, start, end, (bytes, at) -> bytes.asIntBuffer().get(found, at, bytes.remaining() / 4));
    return found;
  }

  /** Takes some numbers of an array, from an index on. */
  private interface Numbers {
    void take(ByteBuffer bytes, int at);
  }

  /** Reads numbers start to end in pieces, so that no copy of all bytes is made. */
  private void read(Tensor tensor, int width, int start, int end, Numbers into) throws IOException {
    byte[] piece = new byte[(int) Math.min(PIECE, (long) width * (end - start))];
    for (int at = start; at < end; at += piece.length / width) {
      int length = (int) Math.min(piece.length, (long) width * (end - at));
      entry.read(data + tensor.start + (long) width * at, piece, 0, length);
      into.take(ByteBuffer.wrap(piece, 0, length).order(ByteOrder.LITTLE_ENDIAN), at - start);
    }
  }
}
