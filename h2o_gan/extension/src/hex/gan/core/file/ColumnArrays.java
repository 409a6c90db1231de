package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Small arrays of many columns, which are concatenated in a file.
 *
 * <p>Mirrors unpack() of h2o_gan/engine/storage/packing.py: the array "low" of column i of n is
 * "low.float64"[ends[i - 1] to ends[i]], where ends is "low.float64.ends" and ends[-1] is 0.
 */
final class ColumnArrays {
  private static final String ENDS = ".ends";
  private static final Pattern NAME = Pattern.compile("[a-z][a-z_]{0,40}");
  private static final int MAX_NAMES = 256;
  private static final String RULES = "rules.";
  private static final Pattern INDEX = Pattern.compile("0|[1-9][0-9]{0,8}");

  private ColumnArrays() {}

  /**
   * The arrays of each column.
   *
   * @param tensors all arrays
   * @param prefix of the names of those meant here, with a dot at the end
   * @param count number of columns
   */
  static List<NamedArrays> unpack(Tensors tensors, String prefix, int count) throws IOException {
    List<Parts> columns = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      columns.add(new Parts(tensors));
    }
    int known = 0;
    for (String full : tensors.names()) {
      if (full.startsWith(prefix)) {
        if (++known > 2 * MAX_NAMES) {
          throw new DamagedException("it has too many arrays of columns");
        }
        if (!full.endsWith(ENDS)) {
          share(tensors, full, prefix.length(), columns);
        }
      }
    }
    return Collections.unmodifiableList(columns);
  }

  /** Gives each column its part of an array. */
  private static void share(Tensors tensors, String full, int prefix, List<Parts> columns) throws IOException {
    int dot = full.lastIndexOf('.');
    String name = dot > prefix ? full.substring(prefix, dot) : "";
    if (!NAME.matcher(name).matches()) {
      throw new DamagedException("it has unknown arrays '" + shown(full) + "'");
    }
    DamagedException unfit = new DamagedException("its arrays '" + shown(full) + "' are not those of its columns");
    String dtype = full.substring(dot + 1);
    int[] shape = tensors.shape(full);
    if (!tensors.has(full + ENDS) || !tensors.dtype(full).equals(dtype) || shape.length != 1) {
      throw unfit;
    }
    long[] ends = tensors.longs(full + ENDS, columns.size());
    long start = 0;
    for (long end : ends) {
      if (end < start) {
        throw unfit;
      }
      start = end;
    }
    if (ends.length == 0 || start != shape[0]) {
      throw new DamagedException("its arrays '" + shown(full) + "' are not as long as their ends");
    }
    start = 0;
    for (int i = 0; i < ends.length; i++) {
      if (start < ends[i] && !columns.get(i).add(name, new Part(full, dtype, (int) start, (int) ends[i]))) {
        throw new DamagedException("its column " + i + " has two arrays '" + name + "'");
      }
      start = ends[i];
    }
  }

  /**
   * The arrays of each rule, "rules.i.name", which are not concatenated.
   *
   * @param count number of rules
   */
  static List<NamedArrays> ofRules(Tensors tensors, int count) throws DamagedException {
    List<Parts> rules = new ArrayList<>(Collections.nCopies(count, new Parts(tensors)));
    for (String full : tensors.names()) {
      if (full.startsWith(RULES)) {
        int rule = ruleOf(full, count);
        if (rules.get(rule).parts.isEmpty()) {
          rules.set(rule, new Parts(tensors));
        }
        int[] shape = tensors.shape(full);
        int size = 1;
        for (int length : shape) {
          size *= length;
        }
        String name = full.substring(full.lastIndexOf('.') + 1);
        rules.get(rule).add(name, new Part(full, tensors.dtype(full), 0, size));
      }
    }
    return Collections.unmodifiableList(rules);
  }

  /** The rule of an array "rules.i.name". */
  private static int ruleOf(String full, int count) throws DamagedException {
    int dot = full.lastIndexOf('.');
    String index = dot > RULES.length() ? full.substring(RULES.length(), dot) : "";
    if (!INDEX.matcher(index).matches() || Integer.parseInt(index) >= count) {
      throw new DamagedException("it has arrays '" + shown(full) + "' of a rule that it does not have");
    }
    return Integer.parseInt(index);
  }

  private static String shown(String name) {
    return name.length() > 50 ? name.substring(0, 50) : name;
  }

  /** Where an array is: a tensor, and the indices of its numbers. */
  private static final class Part {
    final String tensor;
    final String dtype;
    final int start;
    final int end;

    Part(String tensor, String dtype, int start, int end) {
      this.tensor = tensor;
      this.dtype = dtype;
      this.start = start;
      this.end = end;
    }
  }

  private static final class Parts implements NamedArrays {
    private final Tensors tensors;
    private final Map<String, Part> parts = new HashMap<>(4);

    Parts(Tensors tensors) {
      this.tensors = tensors;
    }

    /** Whether the name was new. */
    boolean add(String name, Part part) {
      return parts.put(name, part) == null;
    }

    /** An array, null where it is absent; flags have two dimensions, others one. */
    private Part part(String name, String dtype) throws DamagedException {
      Part part = parts.get(name);
      if (part != null) {
        int dimensions = dtype.equals("bool") ? 2 : 1;
        if (!part.dtype.equals(dtype) || tensors.shape(part.tensor).length != dimensions || part.end == 0) {
          throw new DamagedException(
              "its array '" + name + "' is not " + dtype + " of " + dimensions + " dimensions: " + part.tensor);
        }
      }
      return part;
    }

    @Override
    public Set<String> names() {
      return Collections.unmodifiableSet(parts.keySet());
    }

    /** Numbers of a tensor. */
    private interface Read<T> {
      T within(String tensor, int start, int end) throws IOException;
    }

    /** An array, or another one where it is absent. */
    private <T> T read(String name, String dtype, Read<T> read, T absent) throws DamagedException {
      Part part = part(name, dtype);
      try {
        return part == null ? absent : read.within(part.tensor, part.start, part.end);
      } catch (DamagedException error) {
        throw error;
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    @Override
    public double[] doubles(String name) throws DamagedException {
      return read(name, "float64", tensors::doublesWithin, new double[0]);
    }

    @Override
    public float[] floats(String name) throws DamagedException {
      return read(name, "float32", tensors::floatsWithin, new float[0]);
    }

    @Override
    public long[] longs(String name) throws DamagedException {
      return read(name, "int64", tensors::longsWithin, new long[0]);
    }

    @Override
    public long[] unsignedLongs(String name) throws DamagedException {
      return read(name, "uint64", tensors::longsWithin, new long[0]);
    }

    @Override
    public int[] ints(String name) throws DamagedException {
      return read(name, "int32", tensors::intsWithin, new int[0]);
    }

    @Override
    public boolean[][] flags(String name) throws DamagedException {
      return read(name, "bool", (tensor, start, end) -> {
        int[] shape = tensors.shape(tensor);
        boolean[] all = tensors.flags(tensor, shape);
        boolean[][] flags = new boolean[shape[0]][];
        for (int i = 0; i < flags.length; i++) {
          flags[i] = Arrays.copyOfRange(all, i * shape[1], (i + 1) * shape[1]);
        }
        return flags;
      }, new boolean[0][]);
    }

    @Override
    public boolean has(String name, String dtype) {
      Part part = parts.get(name);
      return part != null && part.dtype.equals(dtype) && part.end > part.start;
    }
  }
}
