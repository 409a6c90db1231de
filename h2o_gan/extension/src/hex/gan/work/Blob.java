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
import water.Iced;
import water.Key;

/** Bytes in the key-value store, such as a model's file, in pieces spread over the nodes. */
public final class Blob extends Iced<Blob> {
  private static final int PIECE = 4 << 20;

  private final Key<?>[] pieces;
  /** How many bytes there are. */
  public final long size;

  private Blob(Key<?>[] pieces, long size) {
    this.pieces = pieces;
    this.size = size;
  }

  /** Stores all bytes of a stream; where that breaks nothing stays. */
  public static Blob store(InputStream in) throws IOException {
    String name = "gan_piece_" + UUID.randomUUID() + "_";
    List<Key<Piece>> keys = new ArrayList<>();
    Futures stored = new Futures();
    long size = 0;
    boolean whole = false;
    try {
      byte[] buffer = new byte[PIECE];
      int used;
      do {
        used = 0;
        int got;
        while (used < PIECE && (got = in.read(buffer, used, PIECE - used)) >= 0) {
          used += got;
        }
        if (used > 0) {
          Key<Piece> key = Key.makeUserHidden(name + keys.size());
          keys.add(key);
          DKV.put(key, new Piece(key, Arrays.copyOf(buffer, used)), stored, true);
          size += used;
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

  /**
   * @throws IOException the receiver is gone, or a piece is
   */
  public void send(OutputStream out) throws IOException {
    for (Key<?> key : pieces) {
      Piece piece = DKV.getGet(key);
      if (piece == null) {
        throw new IOException("a part of the model was removed while it was being read");
      }
      out.write(piece.bytes);
    }
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

  /** Writes the pieces into a saved model. */
  public void save(AutoBuffer out) {
    for (Key<?> key : pieces) {
      out.putKey(key);
    }
  }

  /** The opposite of {@link #save}. */
  public void load(AutoBuffer in, Futures stored) {
    for (Key<?> key : pieces) {
      in.getKey(key, stored);
    }
  }
}
