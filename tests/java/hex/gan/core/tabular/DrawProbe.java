package hex.gan.core.tabular;

import hex.gan.core.ProbeIO;
import hex.gan.core.file.FileSource;
import hex.gan.core.file.Json;
import hex.gan.core.file.ModelFile;
import java.io.IOException;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Draws tokens with the random numbers of a test, and computes what the networks say of them. */
public final class DrawProbe {
  private static final int MOST = 256;

  private DrawProbe() {}

  public static void main(String[] arguments) throws IOException {
    Json request = ProbeIO.request();
    TableModel model;
    try (FileSource source = new FileSource(Paths.get(request.get("model").text()))) {
      model = new TableModel(new ModelFile(source));
    }
    int tokens = model.tokens.length;
    float[][] first = arrays(request.get("first"), tokens);
    float[][] second = arrays(request.get("second"), tokens);
    int rows = first[0].length;
    float[][] values = new float[tokens][rows];
    double[] logs = new double[rows];
    double[] likelihoods = new double[rows];
    double[] ratios = new double[rows];
    Workspace space = new Workspace(model.generator, model.critic, MOST);
    Drawing drawing = new Drawing(model.generator, model.tokens, space);
    Likelihood likelihood = new Likelihood(model.generator, model.tokens, space);
    Candidates candidates = new Candidates(tokens, MOST);
    double[][] before = new double[tokens][MOST];
    for (int start = 0; start < rows; start += MOST) {
      int n = Math.min(MOST, rows - start);
      drawing.draw(
          candidates, n, null, null, model.usualOrder, null, noise(first, second, start), 1, true);
      likelihood.givenBefore(candidates.values, candidates.active, model.usualOrder, n, before);
      float[] ratio =
          model.critic == null ? new float[n] : model.critic.logRatio(candidates.values, candidates.active, n, space);
      for (int b = 0; b < n; b++) {
        logs[start + b] = candidates.logDrawn[b];
        ratios[start + b] = ratio[b];
        for (int t = 0; t < tokens; t++) {
          values[t][start + b] = candidates.values[t][b];
          likelihoods[start + b] += before[t][b];
        }
      }
    }
    Map<String, Object> answer = new LinkedHashMap<>();
    List<String> all = new ArrayList<>();
    for (float[] token : values) {
      all.add(ProbeIO.array(token));
    }
    answer.put("values", all);
    answer.put("logs", ProbeIO.array(logs));
    answer.put("likelihoods", ProbeIO.array(likelihoods));
    answer.put("ratios", ProbeIO.array(ratios));
    ProbeIO.answer(answer);
  }

  private static float[][] arrays(Json list, int tokens) throws IOException {
    float[][] found = new float[tokens][];
    for (int t = 0; t < tokens; t++) {
      found[t] = ProbeIO.floats(list.items().get(t));
    }
    return found;
  }

  private static Noise noise(float[][] first, float[][] second, int start) {
    return new Noise() {
      @Override
      public void uniforms(int token, int which, float[] out, int n) {
        System.arraycopy(which == 0 ? first[token] : second[token], start, out, 0, n);
      }

      @Override
      public void normals(int token, float[] out, int n) {
        System.arraycopy(second[token], start, out, 0, n);
      }
    };
  }
}
