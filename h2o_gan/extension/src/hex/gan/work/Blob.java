package hex.gan.work;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import water.AutoBuffer;
import water.DKV;
import water.Futures;
import water.H2O;
import water.Iced;
import water.Key;
import water.MemoryManager;
import water.TypeMap;
import water.Value;

/** Bytes in the key-value store, such as a model file, in pieces that are spread over the nodes. */
public final class Blob extends Iced<Blob> {
  private static final int PIECE = 4 << 20;

  /** The stream has more bytes than allowed. */
  public static final class TooLargeException extends IOException {
    private static final long serialVersionUID = 1;

    TooLargeException(long most) {
      super("more than the " + most + " bytes that there is room for");
    }
  }

  private final Key<?>[] pieces;
  /** Number of bytes. */
  public final long size;

  private Blob(Key<?>[] pieces, long size) {
    this.pieces = pieces;
    this.size = size;
  }

  /**
   * Stores all bytes of a stream; where reading fails, nothing stays in the store.
   *
   * @param most number of bytes that the stream may have
   * @throws TooLargeException it has more
   */
  public static Blob store(InputStream in, long most) throws IOException {
    String name = "gan_piece_" + UUID.randomUUID() + "_";
    List<Key<?>> keys = new ArrayList<>();
    Futures stored = new Futures();
    long size = 0;
    boolean whole = false;
    try {
      byte[] buffer = new byte[PIECE];
      int used;
      do {
        used = filled(in, buffer);
        size += used;
        if (size > most) {
          throw new TooLargeException(most);
        }
        if (used > 0) {
          keys.add(put(Key.makeUserHidden(name + keys.size()), buffer, used, stored));
        }
      } while (used == PIECE);
      whole = true;
    } finally {
      stored.blockForPending();
      if (!whole) {
        new Blob(keys.toArray(new Key<?>[0]), size).remove();
      }
    }
    return new Blob(keys.toArray(new Key<?>[0]), size);
  }

  private static int filled(InputStream in, byte[] buffer) throws IOException {
    int used = 0;
    int got;
    while (used < buffer.length && (got = in.read(buffer, used, buffer.length - used)) >= 0) {
      used += got;
    }
    return used;
  }

  /** Stores bytes as H2O stores those of a chunk, so that the store has the only copy. */
  private static Key<?> put(Key<?> key, byte[] bytes, int used, Futures stored) {
    // Where H2O may not spill to disk, its MemoryManager would wait for memory for ever.
    byte[] own = H2O.ARGS.cleaner ? MemoryManager.malloc1(used) : new byte[used];
    System.arraycopy(bytes, 0, own, 0, used);
    DKV.put(key, new Value(key, used, own, TypeMap.C1NCHUNK, Value.ICE), stored);
    return key;
  }

  /**
   * @throws IOException the receiver has closed the connection, or a piece was removed
   */
  public void send(OutputStream out) throws IOException {
    for (Key<?> key : pieces) {
      out.write(bytes(key));
    }
  }

  /** Reads exactly length bytes from a position, which lie within {@link #size}. */
  public void read(long position, byte[] into, int offset, int length) throws IOException {
    int done = 0;
    while (done < length) {
      byte[] piece = bytes(pieces[(int) ((position + done) / PIECE)]);
      int from = (int) ((position + done) % PIECE);
      int count = Math.min(length - done, piece.length - from);
      System.arraycopy(piece, from, into, offset + done, count);
      done += count;
    }
  }

  /** A name of these bytes, which no other blob has. */
  public String id() {
    return pieces.length == 0 ? "" : pieces[0].toString();
  }

  private static byte[] bytes(Key<?> key) throws IOException {
    Value value = DKV.get(key);
    if (value == null) {
      throw new IOException("a part of the model was removed while it was being read");
    }
    return value.memOrLoad();
  }

  public void remove() {
    Futures removed = new Futures();
    remove(removed);
    removed.blockForPending();
  }

  public void remove(Futures removed) {
    for (Key<?> key : pieces) {
      DKV.remove(key, removed);
    }
  }

  /** Whether another blob refers to the same pieces. */
  public boolean is(Blob other) {
    return other != null && Arrays.equals(pieces, other.pieces);
  }

  /** Writes the pieces into a saved model. */
  public void save(AutoBuffer out) {
    for (Key<?> key : pieces) {
      try {
        out.putA1(bytes(key));
      } catch (IOException e) {
        throw new IllegalStateException(e.getMessage(), e);
      }
    }
  }

  /** The opposite of {@link #save}. */
  public void load(AutoBuffer in, Futures stored) {
    for (Key<?> key : pieces) {
      byte[] bytes = in.getA1();
      put(key, bytes, bytes.length, stored);
    }
  }
}
