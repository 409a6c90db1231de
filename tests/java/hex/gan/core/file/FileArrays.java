package hex.gan.core.file;

import hex.gan.core.DamagedException;
import java.io.IOException;
import java.util.Base64;

/** Arrays of one column as a model file holds them: a request has the bytes of the safetensors in base64. */
public final class FileArrays {
  private static final String PREFIX = "codec.";

  private FileArrays() {}

  public static NamedArrays of(Json request) throws DamagedException {
    BytesSource bytes = new BytesSource(Base64.getDecoder().decode(request.text()));
    try {
      return ColumnArrays.unpack(new Tensors(bytes, "columns.safetensors"), PREFIX, 1).get(0);
    } catch (DamagedException error) {
      throw error;
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }
}
