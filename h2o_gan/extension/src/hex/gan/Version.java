package hex.gan;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Which version of h2o_gan this jar belongs to. */
final class Version {
  static final String TEXT = read();

  private static String read() {
    try (InputStream in = Version.class.getResourceAsStream("version.txt")) {
      if (in == null) {
        return "unknown";
      }
      return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)).readLine().trim();
    } catch (IOException e) {
      return "unknown";
    }
  }

  private Version() {}
}
