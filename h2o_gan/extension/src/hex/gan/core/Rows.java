package hex.gan.core;

import hex.gan.core.data.Values;
import java.util.function.BooleanSupplier;

/**
 * Rows that a model makes, of a sample or of a frame whose missing cells it fills.
 *
 * <p>Immutable, and used by any number of threads. A row depends on the model, the arguments, the seed and its index
 * alone: not on threads, on nodes, or on which other rows are asked for.
 */
public interface Rows {
  /**
   * Makes consecutive rows.
   *
   * @param start index of the first row
   * @param rows their number, at most {@link GanModel#BLOCK_ROWS}
   * @param given the given cells of these rows, by column of {@link GanModel#columns}, null for a column without any;
   *     null where nothing is given by row, as in a sample
   * @param attempt 0; another number makes other rows, where a unique rule asks for them
   * @return the values of each column of {@link GanModel#columns}
   * @throws UnreachableException no row can meet the conditions and rules
   */
  Values[] block(long start, int rows, Values[] given, int attempt);

  /**
   * The same rows, which take an end: rare conditions can need many candidates for one block.
   *
   * @param isCancelled asked several times a second; where it is true, {@link #block} throws
   *     {@link java.util.concurrent.CancellationException}
   */
  Rows cancellable(BooleanSupplier isCancelled);
}
