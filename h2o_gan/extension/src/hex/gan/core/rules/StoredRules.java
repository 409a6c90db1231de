package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;

/** Rules from the content of model files, which may be hostile. */
public final class StoredRules {
  private StoredRules() {}

  /**
   * Reads a rule.
   *
   * @param data an item of the list {@code rules}
   * @param arrays those of the rule; null for none
   * @throws DamagedException it is not a rule over these columns
   */
  public static Rule restore(Json data, NamedArrays arrays, ColumnIndex table) throws DamagedException {
    Json kind = data.get("kind");
    String text = data.get("text").text();
    if (text.codePointCount(0, text.length()) > Rule.MAX_TEXT) {
      throw data.wrong("has a text of " + text.length() + " characters");
    }
    switch (kind.text()) {
      case "formula":
        return Formula.restore(text, data, table);
      case "condition":
        return Condition.restore(text, data, table);
      case "unique":
        return Unique.restore(text, data, table);
      case "combinations":
        if (arrays == null) {
          throw new DamagedException("arrays of fixed combinations are missing");
        }
        return FixedCombinations.restore(text, data, table, arrays);
      default:
        throw kind.wrong("is not a kind of rules");
    }
  }
}
