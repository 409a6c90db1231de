package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.CoordinatesCodec;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.codecs.OrderedCodec;
import hex.gan.core.data.Messages;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;

/** The kinds of tokens, by their names in model files. */
public final class TokenKinds {
  private TokenKinds() {}

  /**
   * Reads the tokens of a codec.
   *
   * @param index of the codec among the learned ones
   * @param item of the layout in the file
   * @param arrays of the tokens
   */
  public static ColumnTokens restore(int index, LearnedCodec codec, Json item, NamedArrays arrays)
      throws DamagedException {
    String kind = item.get("kind").text();
    boolean isPoint = codec instanceof CoordinatesCodec;
    if (kind.equals("choice") && !isPoint) {
      return CategoricalTokens.restore(index, codec, arrays);
    }
    if (kind.equals("pair") && !isPoint) {
      return FactoredTokens.restore(index, codec, item, arrays);
    }
    if (kind.equals("number") && codec instanceof OrderedCodec) {
      return NumberTokens.restore(index, (OrderedCodec) codec, item, arrays);
    }
    if (kind.equals("cells") && isPoint) {
      return CellTokens.restore(index, (CoordinatesCodec) codec, item, arrays);
    }
    throw codec.columns[0].wrong("has no tokens " + Messages.quoted(kind, 50));
  }
}
