package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.IOException;
import java.util.Base64;

/** Arrays of one column or one rule as a model file holds them: a request has the bytes of the safetensors in base64. */
public final class FileArrays {
  private static final String PREFIX = "codec.";

  private FileArrays() {}

  /** Those of a column. */
  public static NamedArrays of(Json request) throws DamagedException {
    try {
      return ColumnArrays.unpack(tensors(request), PREFIX, 1).get(0);
    } catch (DamagedException error) {
      throw error;
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  /** Those of a rule. */
  public static NamedArrays ofRule(Json request) throws DamagedException {
    try {
      return ColumnArrays.ofRules(tensors(request), 1).get(0);
    } catch (DamagedException error) {
      throw error;
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  private static Tensors tensors(Json request) throws IOException {
    return new Tensors(new BytesSource(Base64.getDecoder().decode(request.text())), "columns.safetensors");
  }
}
