package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;

/** The kinds of columns, by their names in model files; mirrors h2o_gan/engine/data/codecs/registry.py. */
public final class Codecs {
  private Codecs() {}

  /** Reads a codec from an item of a model file's encoder, and the arrays of its columns. */
  public static Codec restore(Json item, NamedArrays arrays) throws DamagedException {
    String name = item.get("codec").text();
    switch (name) {
      case "coordinates":
        return CoordinatesCodec.restore(item, arrays);
      case "constant":
        return ConstantCodec.restore(item);
      case "fresh":
        return IdentifierCodec.restore(item, arrays);
      case "sequence":
        return SequenceCodec.restore(item);
      case "levels":
        return CategoricalCodec.restore(item, arrays);
      case "binned":
        return NumericCodec.restore(item, arrays);
      case "computed":
        return ComputedCodec.restore(item);
      default:
        throw item.get("codec").wrong("is not a kind of columns");
    }
  }
}
