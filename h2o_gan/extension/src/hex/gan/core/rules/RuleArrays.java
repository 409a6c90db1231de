package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.file.NamedArrays;
import java.util.Set;

/** The arrays of one rule by name, among them tables of truth values. */
public interface RuleArrays extends NamedArrays {
  /** The names of all arrays, those of any shape and dtype. */
  Set<String> names();

  /** A bool array of two dimensions, by rows; of another shape or dtype it is an error. */
  boolean[][] flags(String name) throws DamagedException;
}
