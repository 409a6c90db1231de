package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;

/**
 * A value of parsed JSON, whose accessors check its type: a file may hold anything.
 *
 * <p>All accessors throw {@link DamagedException}, with the path of the value, where it is not what they ask for.
 * Immutable. This is a view, made when it is asked for; the parsed values are shared and small.
 */
public final class Json {
  private static final int MAX_PATH = 100;

  /** String, Long, Double, Boolean, null, Object[] or {@link JsonParser.Members}. */
  private final Object value;
  /** The {@link Json} of which this is a part; of the outermost value, what it is in messages. */
  private final Object parent;
  /** Index among the items or members of {@link #parent}. */
  private final int place;

  private Json(Object value, Object parent, int place) {
    this.value = value;
    this.parent = parent;
    this.place = place;
  }

  /** Parses UTF-8; refuses what RFC 8259 does not allow, doubled keys, and deep nesting. NaN and Infinity too. */
  public static Json parse(byte[] utf8) throws DamagedException {
    return parse(utf8, "its description", JsonParser.MAX_CONTAINERS);
  }

  /** The same, of a text that has another name in messages and other bounds. */
  static Json parse(byte[] utf8, String name, int maxContainers) throws DamagedException {
    return new Json(JsonParser.parse(utf8, name, maxContainers), name, 0);
  }

  private JsonParser.Members members() throws DamagedException {
    if (!isObject()) {
      throw wrong("is not an object");
    }
    return (JsonParser.Members) value;
  }

  private Object[] list() throws DamagedException {
    if (!isList()) {
      throw wrong("is not a list");
    }
    return (Object[]) value;
  }

  /** Whether this object has a key. */
  public boolean has(String key) throws DamagedException {
    return members().indexOf(key) >= 0;
  }

  /** The value of a key that must be there. */
  public Json get(String key) throws DamagedException {
    Json found = find(key);
    if (found == null) {
      throw wrong("has no \"" + key + "\"");
    }
    return found;
  }

  /** The value of a key; Java's null where the key is absent. */
  public Json find(String key) throws DamagedException {
    int index = members().indexOf(key);
    return index < 0 ? null : new Json(members().values[index], this, index);
  }

  /** The items of this list, unmodifiable. */
  public List<Json> items() throws DamagedException {
    return new Items(this, list());
  }

  private static final class Items extends AbstractList<Json> implements RandomAccess {
    private final Json of;
    private final Object[] items;

    Items(Json of, Object[] items) {
      this.of = of;
      this.items = items;
    }

    @Override
    public Json get(int index) {
      return new Json(items[index], of, index);
    }

    @Override
    public int size() {
      return items.length;
    }
  }

  /** The keys and values of this object in the file's order, unmodifiable. */
  public Map<String, Json> entries() throws DamagedException {
    JsonParser.Members members = members();
    Map<String, Json> entries = new LinkedHashMap<>(2 * members.keys.length);
    for (int i = 0; i < members.keys.length; i++) {
      entries.put(members.keys[i], new Json(members.values[i], this, i));
    }
    return Collections.unmodifiableMap(entries);
  }

  public boolean isNull() {
    return value == null;
  }

  public boolean isText() {
    return value instanceof String;
  }

  public boolean isNumber() {
    return value instanceof Number;
  }

  /** Whether this is true or false. */
  public boolean isFlag() {
    return value instanceof Boolean;
  }

  /** Whether this is a number written without fraction and exponent that fits into a long. */
  public boolean isWhole() {
    return value instanceof Long;
  }

  public boolean isList() {
    return value instanceof Object[];
  }

  public boolean isObject() {
    return value instanceof JsonParser.Members;
  }

  public String text() throws DamagedException {
    if (!isText()) {
      throw wrong("is not a text");
    }
    return (String) value;
  }

  public boolean flag() throws DamagedException {
    if (!isFlag()) {
      throw wrong("is neither true nor false");
    }
    return (Boolean) value;
  }

  /** A finite number as a double. */
  public double number() throws DamagedException {
    return number(-Double.MAX_VALUE, Double.MAX_VALUE);
  }

  /** A finite number within bounds, both included. */
  public double number(double least, double most) throws DamagedException {
    if (!isNumber()) {
      throw wrong("is not a number");
    }
    double number = ((Number) value).doubleValue();
    if (!(number >= least && number <= most)) {
      throw wrong("is not a number from " + least + " to " + most);
    }
    return number;
  }

  /** A whole number within bounds, both included. */
  public long whole(long least, long most) throws DamagedException {
    if (!isWhole() || (Long) value < least || (Long) value > most) {
      throw wrong("is not a whole number from " + least + " to " + most);
    }
    return (Long) value;
  }

  /** The same with int bounds. */
  public int count(int least, int most) throws DamagedException {
    return (int) whole(least, most);
  }

  /** A list of finite numbers. */
  public double[] numbers() throws DamagedException {
    double[] numbers = new double[list().length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = new Json(list()[i], this, i).number();
    }
    return numbers;
  }

  /** A list of whole numbers within bounds, both included. */
  public int[] counts(int least, int most) throws DamagedException {
    int[] counts = new int[list().length];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new Json(list()[i], this, i).count(least, most);
    }
    return counts;
  }

  /** A list of texts, unmodifiable. */
  public List<String> texts() throws DamagedException {
    String[] texts = new String[list().length];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = new Json(list()[i], this, i).text();
    }
    return Collections.unmodifiableList(Arrays.asList(texts));
  }

  /** The error that this value is wrong, with its path: a reason such as "is not a list". */
  public DamagedException wrong(String reason) {
    StringBuilder path = new StringBuilder();
    Json outermost = this;
    while (outermost.parent instanceof Json) {
      Json in = (Json) outermost.parent;
      path.insert(0, in.isList()
          ? "[" + outermost.place + "]"
          : (in.parent instanceof Json ? "." : "") + ((JsonParser.Members) in.value).keys[outermost.place]);
      outermost = in;
    }
    if (path.length() > MAX_PATH) {
      path.setLength(MAX_PATH);
      path.append("...");
    }
    return new DamagedException(outermost.parent + (path.length() == 0 ? " " : " at " + path + " ") + reason);
  }
}
