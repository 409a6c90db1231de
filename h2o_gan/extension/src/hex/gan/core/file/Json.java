package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.util.List;
import java.util.Map;

/**
 * A value of parsed JSON, whose accessors check its type: a file may hold anything.
 *
 * <p>All accessors throw {@link DamagedException}, with the path of the value, where it is not what they ask for.
 */
public final class Json {
  /** Parses UTF-8; refuses what RFC 8259 does not allow, doubled keys, and deep nesting. NaN and Infinity too. */
  public static Json parse(byte[] utf8) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** Whether this object has a key. */
  public boolean has(String key) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** The value of a key that must be there. */
  public Json get(String key) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** The value of a key; Java's null where the key is absent. */
  public Json find(String key) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** The items of this list, unmodifiable. */
  public List<Json> items() throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** The keys and values of this object in the file's order, unmodifiable. */
  public Map<String, Json> entries() throws DamagedException {
    throw new UnsupportedOperationException();
  }

  public boolean isNull() {
    throw new UnsupportedOperationException();
  }

  public boolean isText() {
    throw new UnsupportedOperationException();
  }

  public boolean isNumber() {
    throw new UnsupportedOperationException();
  }

  /** Whether this is a number written without fraction and exponent that fits into a long. */
  public boolean isWhole() {
    throw new UnsupportedOperationException();
  }

  public boolean isList() {
    throw new UnsupportedOperationException();
  }

  public boolean isObject() {
    throw new UnsupportedOperationException();
  }

  public String text() throws DamagedException {
    throw new UnsupportedOperationException();
  }

  public boolean flag() throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** A finite number as a double. */
  public double number() throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** A finite number within bounds, both included. */
  public double number(double least, double most) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** A whole number within bounds, both included. */
  public long whole(long least, long most) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** The same with int bounds. */
  public int count(int least, int most) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** A list of finite numbers. */
  public double[] numbers() throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** A list of whole numbers within bounds, both included. */
  public int[] counts(int least, int most) throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** A list of texts. */
  public List<String> texts() throws DamagedException {
    throw new UnsupportedOperationException();
  }

  /** The error that this value is wrong, with its path. */
  public DamagedException wrong(String reason) {
    throw new UnsupportedOperationException();
  }
}
