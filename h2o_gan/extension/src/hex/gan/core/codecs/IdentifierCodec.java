package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.identifiers.Identifiers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A column whose values identify rows: samples get new ones.
 *
 * <p>Mirrors IdentifierCodec of h2o_gan/engine/data/codecs/identifier.py, the codec "fresh" of model files.
 */
public final class IdentifierCodec extends GeneratedCodec {
  private final Column column;
  private final Identifiers identifiers;

  private IdentifierCodec(Column column, Identifiers identifiers) {
    super(column);
    this.column = column;
    this.identifiers = identifiers;
  }

  public static IdentifierCodec restore(Json item, NamedArrays arrays) throws DamagedException {
    Column column = Column.restore(item.get("column"));
    Identifiers identifiers = Identifiers.restore(item.get("identifiers"), arrays);
    boolean isUuid = identifiers.kind == Kind.UUID;
    if (isUuid ? column.kind != Kind.UUID : column.kind != Kind.STRING && column.kind != Kind.ENUM) {
      throw column.wrong("is not the identifiers' column");
    }
    return new IdentifierCodec(column, identifiers);
  }

  /** New values; those of an enum have levels of their own, in the order of rows. */
  @Override
  public Values generate(long start, int rows, long seed) {
    String[] texts = identifiers.values(start, rows, seed);
    boolean[] missing = new boolean[rows];
    for (int i = 0; i < rows; i++) {
      missing[i] = texts[i] == null;
    }
    return column.kind == Kind.ENUM ? levels(texts, missing) : Values.text(column.kind, texts, missing);
  }

  private static Values levels(String[] texts, boolean[] missing) {
    Map<String, Integer> known = new HashMap<>(2 * texts.length);
    List<String> levels = new ArrayList<>();
    long[] indices = new long[texts.length];
    for (int i = 0; i < texts.length; i++) {
      if (!missing[i]) {
        Integer index = known.putIfAbsent(texts[i], levels.size());
        indices[i] = index == null ? levels.size() : index;
        if (index == null) {
          levels.add(texts[i]);
        }
      }
    }
    return Values.levels(indices, levels, missing);
  }

  @Override
  public void checkCondition(String name, Condition wanted) {
    throw new IllegalArgumentException(
        "conditions: column " + Messages.quoted(name) + " is an identifier, which is new in every row: leave it out.");
  }
}
