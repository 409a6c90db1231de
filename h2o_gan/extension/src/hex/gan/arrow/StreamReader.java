package hex.gan.arrow;

import hex.gan.core.io.ArrowFormat;
import hex.gan.core.io.FlatTable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Splits an untrusted Arrow IPC stream into its messages. */
final class StreamReader {
  private static final int METADATA_LIMIT = 1 << 26;
  private static final int STEP = 1 << 20;

  private final InputStream in;
  private final Allowance allowance;
  private final long bodyLimit = Math.min(Integer.MAX_VALUE - 64, Runtime.getRuntime().maxMemory() / 4);

  /** Type of the current message, a header constant of ArrowFormat. */
  int type;
  /** The current message's header. */
  FlatTable header;
  /** The current message's body, little-endian. */
  ByteBuffer body;

  /** Bytes of this node's memory that are reserved; the user of a body releases them. */
  long held;

  StreamReader(InputStream in, Allowance allowance) {
    this.in = in;
    this.allowance = allowance;
  }

  /** Releases memory. */
  void give(long bytes) {
    held -= bytes;
    Room.give(bytes);
  }

  /** Reads the next message; false at the end mark. */
  boolean next() throws IOException, ArrowException, Room.BusyException {
    body = null;
    ByteBuffer prefix = little(exactly(8));
    if (prefix.getInt(0) != ArrowFormat.CONTINUATION) {
      throw new ArrowException(
          magic(prefix)
              ? "this is an Arrow file; send an Arrow IPC stream instead (pyarrow.ipc.new_stream)"
              : "this is not an Arrow IPC stream, or one that is broken");
    }
    int size = prefix.getInt(4);
    if (size == 0) {
      return false;
    }
    if (size < 0 || size > METADATA_LIMIT) {
      throw new ArrowException("the stream is broken: a message says that its metadata takes " + size + " bytes");
    }
    long before = held;
    FlatTable message = FlatTable.root(little(exactly(size)));
    // The next message's metadata overwrite it.
    give(held - before);
    int version = message.get16(0, 0);
    if (version != ArrowFormat.VERSION_5 && version != ArrowFormat.VERSION_4) {
      throw new ArrowException("the stream is in version " + (version + 1) + " of Arrow's format; send version 5");
    }
    type = message.get8(1, 0);
    header = message.table(2);
    if (header == null) {
      throw new ArrowException("the stream is broken: a message without a header");
    }
    long length = message.get64(3, 0);
    if (length < 0) {
      throw new ArrowException("the stream is broken: a message says that its body takes " + length + " bytes");
    }
    if (length > bodyLimit) {
      throw new ArrowException(
          "a message says that its body takes " + length + " bytes, more than this node has room for; "
              + "send smaller record batches");
    }
    body = little(exactly((int) length));
    return true;
  }

  private static boolean magic(ByteBuffer prefix) {
    return prefix.get(0) == 'A' && prefix.get(1) == 'R' && prefix.get(2) == 'R' && prefix.get(3) == 'O';
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Reserves memory and returns its size. */
  long take(long bytes) throws Room.BusyException {
    Room.take(bytes);
    held += bytes;
    return bytes;
  }

  /** Reads so many bytes, and reserves memory as they arrive, not as they are declared. */
  private byte[] exactly(int size) throws IOException, ArrowException, Room.BusyException {
    int room = Math.min(size, STEP);
    take(room);
    byte[] bytes = new byte[room];
    int used = 0;
    while (used < size) {
      if (used == bytes.length) {
        room = (int) Math.min(size, 2L * used);
        take(room - used);
        bytes = Arrays.copyOf(bytes, room);
      }
      int got = in.read(bytes, used, bytes.length - used);
      if (got < 0) {
        throw new ArrowException("the stream ended in the middle, before its end mark");
      }
      used += got;
      allowance.receive(got);
    }
    return bytes;
  }
}
