package hex.gan.core;

import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Arrays of a request: {name: {"dtype": ..., "values": base64}}. */
final class RequestArrays implements NamedArrays {
  private final Map<String, Json> parts;

  RequestArrays(Json json) throws DamagedException {
    parts = new TreeMap<>(json.entries());
  }

  private Json part(String name, String dtype) throws DamagedException {
    Json part = parts.get(name);
    if (part != null && !part.get("dtype").text().equals(dtype)) {
      throw new DamagedException("an array of another type");
    }
    return part == null ? null : part.get("values");
  }

  private interface Read<T> {
    T of(Json values) throws IOException;
  }

  private <T> T read(String name, String dtype, Read<T> read, T absent) throws DamagedException {
    Json values = part(name, dtype);
    try {
      return values == null ? absent : read.of(values);
    } catch (DamagedException error) {
      throw error;
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  @Override
  public Set<String> names() {
    return parts.keySet();
  }

  @Override
  public double[] doubles(String name) throws DamagedException {
    return read(name, "float64", ProbeIO::doubles, new double[0]);
  }

  @Override
  public float[] floats(String name) throws DamagedException {
    return read(name, "float32", ProbeIO::floats, new float[0]);
  }

  @Override
  public long[] longs(String name) throws DamagedException {
    return read(name, "int64", ProbeIO::longs, new long[0]);
  }

  @Override
  public long[] unsignedLongs(String name) throws DamagedException {
    return read(name, "uint64", ProbeIO::longs, new long[0]);
  }

  @Override
  public int[] ints(String name) throws DamagedException {
    return read(name, "int32", ProbeIO::ints, new int[0]);
  }

  @Override
  public boolean[][] flags(String name) {
    throw new IllegalStateException("codecs have no flags");
  }

  @Override
  public boolean has(String name, String dtype) {
    try {
      return part(name, dtype) != null;
    } catch (DamagedException error) {
      return false;
    }
  }
}
