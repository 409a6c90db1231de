package hex.gan;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** The version of h2o_gan that this jar belongs to, and the number of its protocol with clients. */
final class Version {
  static final String TEXT = read("version.txt");
  static final int PROTOCOL = Integer.parseInt(read("protocol.txt"));

  private static String read(String name) {
    try (InputStream in = Version.class.getResourceAsStream(name)) {
      if (in == null) {
        return "0";
      }
      return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)).readLine().trim();
    } catch (IOException e) {
      return "0";
    }
  }

  private Version() {}
}
