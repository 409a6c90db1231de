package hex.gan.core.tabular;

/** Where draws of tokens take their random numbers from. */
public interface Noise {
  /**
   * Fills an array with numbers in [0, 1).
   *
   * @param token index of the token that is drawn
   * @param which 0 for the choice, or the component of a mixture; 1 for the rank of a number
   * @param out (n,)
   */
  void uniforms(int token, int which, float[] out, int n);

  /** Fills an array, (n,), with standard normal numbers for a token. */
  void normals(int token, float[] out, int n);
}
