package hex.gan.rapids;

import hex.gan.ClusterRows;
import water.fvec.Frame;
import water.rapids.Env;
import water.rapids.ast.AstPrimitive;
import water.rapids.ast.AstRoot;
import water.rapids.vals.ValFrame;

/** {@code (gan.impute model frame seed)}: a frame whose missing values are drawn; the seed -1 is a random one. */
public final class AstImpute extends AstPrimitive<AstImpute> {
  @Override
  public String[] args() {
    return new String[] {"model", "frame", "seed"};
  }

  @Override
  public int nargs() {
    return 1 + 3;
  }

  @Override
  public String str() {
    return "gan.impute";
  }

  @Override
  @SuppressWarnings("rawtypes")
  public ValFrame apply(Env env, Env.StackHelp stack, AstRoot[] asts) {
    ClusterRows rows = Arguments.model(stack.track(asts[1].exec(env)));
    Frame frame = stack.track(asts[2].exec(env)).getFrame();
    double seed = stack.track(asts[3].exec(env)).getNum();
    return new ValFrame(rows.impute(frame, Arguments.seed(seed)));
  }
}
