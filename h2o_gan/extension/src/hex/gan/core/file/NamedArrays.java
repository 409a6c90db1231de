package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.util.Set;

/**
 * Arrays by name, such as those of one column's codec. They are one-dimensional, but for the flags of rules.
 *
 * <p>An array that is absent is empty. An array of another dtype than asked for is an error. Arrays are new
 * copies, read while the file is open; a file that cannot be read then is a {@link java.io.UncheckedIOException}.
 */
public interface NamedArrays {
  /** The names of the arrays that are not empty, unmodifiable. */
  Set<String> names();

  /** float64. */
  double[] doubles(String name) throws DamagedException;

  /** float32. */
  float[] floats(String name) throws DamagedException;

  /** int64. */
  long[] longs(String name) throws DamagedException;

  /** uint64, as the long of the same bits. */
  long[] unsignedLongs(String name) throws DamagedException;

  /** int32. */
  int[] ints(String name) throws DamagedException;

  /** bool, of two dimensions, of which all rows have the same length; empty where it is absent. */
  boolean[][] flags(String name) throws DamagedException;

  /** Whether there is an array of this name and dtype ("float64", "int64", ...), not empty. */
  boolean has(String name, String dtype) throws DamagedException;
}
