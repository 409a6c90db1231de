package hex.gan.core.tabular;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;

/** Widths of a generator; mirrors Sizes of h2o_gan/engine/tabular/generator.py. */
final class Sizes {
  private static final int MOST = 1 << 16;

  /** Of a token. */
  final int features;
  /** Of the tokens that are known. */
  final int summary;
  /** Units of a token's layers. */
  final int hidden;
  /** Pieces of a number's encoding. */
  final int knots;
  /** Of a number's mixture of normals; a number with an anchor has six more. */
  final int components;

  Sizes(Json json) throws DamagedException {
    features = json.get("features").count(1, MOST);
    summary = json.get("summary").count(1, MOST);
    hidden = json.get("hidden").count(1, MOST);
    knots = json.get("knots").count(2, MOST);
    components = json.get("components").count(1, MOST);
  }
}
