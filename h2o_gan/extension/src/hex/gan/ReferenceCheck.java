package hex.gan;

import com.google.gson.JsonElement;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import water.DKV;
import water.Key;
import water.Value;
import water.fvec.Frame;

/** Checks that the frames, columns and models that parameters name exist. */
final class ReferenceCheck {
  private static final int SHOWN = 10;

  private final GANModel.GANParameters parameters;
  private final Key<Frame> train;
  private final Key<Frame> valid;
  private final Key<hex.Model<?, ?, ?>> checkpoint;

  @SuppressWarnings({"unchecked", "rawtypes"})
  ReferenceCheck(GANModel.GANParameters parameters) {
    this.parameters = parameters;
    train = parameters._train;
    valid = parameters._valid;
    checkpoint = (Key) parameters._checkpoint;
  }

  /** Removes the keys that do not fit from the parameters. */
  void hide() {
    parameters._train = isFrame(train) ? train : null;
    parameters._valid = isFrame(valid) ? valid : null;
    parameters._checkpoint = null;
  }

  /** Puts all keys back. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  void show() {
    parameters._train = train;
    parameters._valid = valid;
    parameters._checkpoint = (Key) checkpoint;
  }

  private static boolean isFrame(Key<?> key) {
    return key != null && found(key) instanceof Frame;
  }

  private static Object found(Key<?> key) {
    Value value = DKV.get(key);
    return value == null ? null : value.get();
  }

  /**
   * @param error takes the name of a field and what is wrong with its value
   */
  void run(BiConsumer<String, String> error) {
    if (train == null) {
      error.accept("_training_frame", "training_frame is missing: choose the frame to train on.");
    }
    frame("training_frame", train, error);
    frame("validation_frame", valid, error);
    if (checkpoint != null) {
      Object model = found(checkpoint);
      if (!(model instanceof GANModel) || ((GANModel) model).artifact() == null) {
        error.accept("_checkpoint", "checkpoint " + checkpoint + " is not a trained GAN in the cluster.");
      }
    }
    if (isFrame(train)) {
      columns((Frame) found(train), error);
    }
  }

  private static void frame(String name, Key<Frame> key, BiConsumer<String, String> error) {
    Object there = key == null ? null : found(key);
    if (key != null && !(there instanceof Frame)) {
      error.accept("_" + name, name + " " + key + (there == null ? " is not in the cluster." : " is not a frame."));
    }
  }

  private void columns(Frame frame, BiConsumer<String, String> error) {
    column(frame, "response_column", parameters._response_column, error);
    column(frame, "weights_column", parameters._weights_column, error);
    column(frame, "image_column", parameters._image_column, error);
    if (parameters._ignored_columns != null) {
      for (String name : parameters._ignored_columns) {
        column(frame, "ignored_columns", name, error);
      }
      if (new HashSet<>(Arrays.asList(parameters._ignored_columns)).containsAll(Arrays.asList(frame.names()))) {
        error.accept("_ignored_columns", "ignored_columns leaves no column to train on.");
      }
    }
    JsonElement types =
        parameters._column_types == null ? null : Requests.parse(parameters._column_types);
    if (types != null && types.isJsonObject()) {
      for (Map.Entry<String, JsonElement> type : types.getAsJsonObject().entrySet()) {
        column(frame, "column_types", type.getKey(), error);
      }
    }
  }

  private static void column(Frame frame, String parameter, String name, BiConsumer<String, String> error) {
    if (name != null && !name.isEmpty() && frame.find(name) < 0) {
      Set<String> some = new TreeSet<>();
      for (int i = 0; i < Math.min(SHOWN, frame.numCols()); i++) {
        some.add(frame.name(i));
      }
      error.accept(
          "_" + parameter, parameter + ": the frame has no column '" + name + "'; it has "
              + String.join(", ", some) + (frame.numCols() > SHOWN ? ", ..." : "") + ".");
    }
  }
}
