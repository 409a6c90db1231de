package hex.gan.rapids;

import hex.gan.ClusterRows;
import water.rapids.Env;
import water.rapids.ast.AstPrimitive;
import water.rapids.ast.AstRoot;
import water.rapids.vals.ValFrame;

/** {@code (gan.generate model rows seed)}: rows of a GAN of a table as a frame; the seed -1 is a random one. */
public final class AstGenerate extends AstPrimitive<AstGenerate> {
  @Override
  public String[] args() {
    return new String[] {"model", "rows", "seed"};
  }

  @Override
  public int nargs() {
    return 1 + 3;
  }

  @Override
  public String str() {
    return "gan.generate";
  }

  @Override
  @SuppressWarnings("rawtypes")
  public ValFrame apply(Env env, Env.StackHelp stack, AstRoot[] asts) {
    ClusterRows rows = Arguments.model(stack.track(asts[1].exec(env)));
    double count = stack.track(asts[2].exec(env)).getNum();
    double seed = stack.track(asts[3].exec(env)).getNum();
    return new ValFrame(rows.generate(Arguments.whole("rows", count, 1), Arguments.seed(seed)));
  }
}
