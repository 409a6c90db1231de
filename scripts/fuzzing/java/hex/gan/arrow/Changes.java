package hex.gan.arrow;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes a stream: its bytes, the numbers in its metadata, the order of its messages. */
final class Changes {
  private static final int MOST_BYTES = 1 << 16;
  private static final long[] VALUES = {
    0, 1, -1, 2, 4, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 32767, 65535, 65536, 1 << 20, 1 << 24,
    Integer.MAX_VALUE, Integer.MIN_VALUE, Integer.MAX_VALUE - 7L, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 40,
  };

  private final List<byte[]> seeds;
  private final Random random;

  /** @param seeds streams to change and to take parts from */
  Changes(List<byte[]> seeds, Random random) {
    this.seeds = seeds;
    this.random = random;
  }

  /** One of the seeds, changed one to three times. */
  byte[] next() {
    byte[] bytes = any().clone();
    for (int times = 1 + random.nextInt(3); times > 0; times--) {
      bytes = changed(bytes);
    }
    return bytes.length > MOST_BYTES ? Arrays.copyOf(bytes, MOST_BYTES) : bytes;
  }

  private byte[] any() {
    return seeds.get(random.nextInt(seeds.size()));
  }

  private byte[] changed(byte[] bytes) {
    if (bytes.length < 16) {
      return bytes;
    }
    switch (random.nextInt(8)) {
      case 0:
        return Arrays.copyOf(bytes, random.nextInt(bytes.length));
      case 1:
        for (int times = 1 + random.nextInt(8); times > 0; times--) {
          bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
        }
        return bytes;
      case 2:
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        return bytes;
      case 3:
        return messages(bytes);
      case 4:
        return spliced(bytes);
      default:
        return number(bytes);
    }
  }

  /** Another number at an aligned place of the metadata of a message, or of its body. */
  private byte[] number(byte[] bytes) {
    List<int[]> found = split(bytes);
    int[] message =
        found.isEmpty() ? new int[] {0, bytes.length, bytes.length} : found.get(random.nextInt(found.size()));
    // The metadata mostly: there is more to be said wrongly there.
    int from = random.nextInt(4) == 0 ? message[1] : message[0];
    int to = random.nextInt(4) == 0 ? message[2] : message[1];
    if (to - from < 8) {
      from = message[0];
      to = message[2];
    }
    int width = 1 << random.nextInt(4);
    int place = from + random.nextInt(Math.max(1, (to - from) / width)) * width;
    if (place + 8 > bytes.length) {
      return bytes;
    }
    ByteBuffer view = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    boolean near = random.nextBoolean();
    long value = near ? random.nextInt(33) - 16 : VALUES[random.nextInt(VALUES.length)];
    if (width == 8) {
      view.putLong(place, near ? view.getLong(place) + value : value);
    } else if (width == 4) {
      view.putInt(place, (int) (near ? view.getInt(place) + value : value));
    } else if (width == 2) {
      view.putShort(place, (short) (near ? view.getShort(place) + value : value));
    } else {
      view.put(place, (byte) (near ? view.get(place) + value : value));
    }
    return bytes;
  }

  /** A message doubled, left out, moved, or taken from another stream. */
  private byte[] messages(byte[] bytes) {
    List<byte[]> parts = parts(bytes);
    if (parts.isEmpty()) {
      return bytes;
    }
    int place = random.nextInt(parts.size());
    switch (random.nextInt(4)) {
      case 0:
        parts.add(place, parts.get(random.nextInt(parts.size())));
        break;
      case 1:
        parts.remove(place);
        break;
      case 2:
        parts.add(random.nextInt(parts.size()), parts.remove(place));
        break;
      default:
        List<byte[]> others = parts(any());
        if (!others.isEmpty()) {
          parts.set(place, others.get(random.nextInt(others.size())));
        }
    }
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    parts.forEach(part -> joined.write(part, 0, part.length));
    return joined.toByteArray();
  }

  private byte[] spliced(byte[] bytes) {
    byte[] other = any();
    int length = Math.min(8 * (1 + random.nextInt(16)), Math.min(bytes.length, other.length));
    int from = 8 * (random.nextInt(other.length - length + 1) / 8);
    int to = 8 * (random.nextInt(bytes.length - length + 1) / 8);
    System.arraycopy(other, from, bytes, to, length);
    return bytes;
  }

  private static List<byte[]> parts(byte[] bytes) {
    List<byte[]> parts = new ArrayList<>();
    int end = 0;
    for (int[] message : split(bytes)) {
      parts.add(Arrays.copyOfRange(bytes, message[0], message[2]));
      end = message[2];
    }
    if (end < bytes.length) {
      parts.add(Arrays.copyOfRange(bytes, end, bytes.length));
    }
    return parts;
  }

  /** Where the messages of a stream begin, where their bodies do, and where they end. */
  private static List<int[]> split(byte[] bytes) {
    List<int[]> found = new ArrayList<>();
    ByteBuffer view = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int place = 0;
    while (place + 8 <= bytes.length) {
      int size = view.getInt(place + 4);
      if (view.getInt(place) != -1 || size <= 0 || size > bytes.length - place - 8) {
        break;
      }
      long body;
      try {
        ByteBuffer metadata = ByteBuffer.wrap(bytes, place + 8, size).slice().order(ByteOrder.LITTLE_ENDIAN);
        body = FlatTable.root(metadata).get64(3, 0);
      } catch (RuntimeException e) {
        break;
      }
      long end = place + 8L + size + body;
      if (body < 0 || end > bytes.length) {
        break;
      }
      found.add(new int[] {place, place + 8 + size, (int) end});
      place = (int) end;
    }
    return found;
  }
}
