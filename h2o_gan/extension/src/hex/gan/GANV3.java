package hex.gan;

import hex.schemas.ModelBuilderSchema;
import water.api.API;
import water.api.schemas3.ModelParametersSchemaV3;

/** The algorithm's parameters as REST, Flow and grids see them; a test compares them with Python's. */
public final class GANV3 extends ModelBuilderSchema<GAN, GANV3, GANV3.GANParametersV3> {
  /** The parameters. */
  public static final class GANParametersV3 extends ModelParametersSchemaV3<GANModel.GANParameters, GANParametersV3> {
    /** Which parameters there are, in Flow's order. */
    public static String[] fields = {
      "model_id",
      "training_frame",
      "validation_frame",
      "response_column",
      "ignored_columns",
      "ignore_const_cols",
      "weights_column",
      "column_types",
      "architecture",
      "epochs",
      "seed",
      "max_runtime_secs",
      "image_shape",
      "image_column",
      "image_root",
      "image_errors",
      "generator_architecture",
      "discriminator_architecture",
      "latent_size",
      "loss_function",
      "gradient_penalty",
      "critic_epochs",
      "batch_size",
      "generator_learning_rate",
      "discriminator_learning_rate",
      "ema_decay",
      "device",
      "stopping_rounds",
      "stopping_tolerance",
      "score_each_iteration",
      "checkpoint",
      "export_checkpoints_dir",
      "wait_for_worker_secs",
      "worker",
    };

    @API(
        help = "What to take columns for where the model summary shows that it guessed wrong: a dict "
            + "from names to numeric, categorical, identifier (fresh values of the same look) or "
            + "ignore. As JSON.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary,
        gridable = true)
    public String column_types;

    @API(
        help = "The networks: columns (a generator that writes a row column by column, and a critic of "
            + "whole rows that accepts or refuses rows when they are drawn), convolutional (for "
            + "images), mlp (a generator that turns a latent vector into a row in one pass), or auto: "
            + "mlp where an architecture or another loss_function is given, and for tables a "
            + "latent_size; else convolutional for images and columns for tables.",
        direction = API.Direction.INOUT,
        level = API.Level.critical,
        values = {"auto", "columns", "convolutional", "mlp"},
        gridable = true)
    public GANModel.Architecture architecture;

    @API(
        help = "How many times to go through the rows; chosen from their number when absent (100 for "
            + "architecture mlp). 0 for absent.",
        direction = API.Direction.INOUT,
        level = API.Level.critical,
        gridable = true)
    public int epochs;

    @API(
        help = "Seed of all randomness; -1 for a new one, which the trained model then tells.",
        direction = API.Direction.INOUT,
        level = API.Level.critical,
        gridable = true)
    public long seed;

    @API(
        help = "Height and width of images, or height, width and 3 for colours, from 8 to 128 pixels a "
            + "side; told from the number of pixel columns where that is a square.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary)
    public int[] image_shape;

    @API(
        help = "Column of paths of image files. They are turned by their EXIF data, and scaled and "
            + "cropped around the middle to image_shape.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary)
    public String image_column;

    @API(
        help = "Folder that all files of image_column have to lie in; nothing outside it is opened.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary)
    public String image_root;

    @API(
        help = "What to do with image files that can't be read: raise an error that lists them, or skip "
            + "their rows with a warning.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        values = {"raise", "skip"})
    public GANModel.ImageErrors image_errors;

    @API(
        help = "The generator as a dict: input_dim (size of the latent vector), hidden_dim (an int or a "
            + "list, one entry a layer), output_dim (the number of columns), activation. Every key may "
            + "be left out. As JSON.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        gridable = true)
    public String generator_architecture;

    @API(
        help = "The discriminator (critic) as a dict: input_dim (the number of columns), hidden_dim, "
            + "output_dim (1), activation. Every key may be left out. As JSON.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        gridable = true)
    public String discriminator_architecture;

    @API(
        help = "Length of the generator's random input; when absent the generator's input_dim, 128, or "
            + "64 for architecture convolutional. 0 for absent.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        gridable = true)
    public int latent_size;

    @API(
        help = "The adversarial game: relativistic (pairing loss with R1 and R2 penalties), mse (least "
            + "squares), bce (non-saturating cross-entropy), hinge, wasserstein (gradient penalty).",
        direction = API.Direction.INOUT,
        level = API.Level.secondary,
        values = {"relativistic", "mse", "bce", "hinge", "wasserstein"},
        gridable = true)
    public GANModel.LossFunction loss_function;

    @API(
        help = "Weight of the critic's gradient penalty; 0 for none; the loss function's own when "
            + "absent. -1 for absent.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        gridable = true)
    public double gradient_penalty;

    @API(
        help = "How many times the critic of architecture columns goes through the rows once the "
            + "generator is trained; chosen from their number when absent, 0 for no critic. -1 for "
            + "absent.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary,
        gridable = true)
    public int critic_epochs;

    @API(
        help = "Rows in a step; chosen from the number of rows when absent. 0 for absent.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary,
        gridable = true)
    public int batch_size;

    @API(
        help = "Adam's step size for the generator; 2e-4 for architecture mlp and 4e-3 for columns when "
            + "absent. 0 for absent.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        gridable = true)
    public double generator_learning_rate;

    @API(
        help = "Adam's step size for the discriminator; 2e-4 for architecture mlp and 2e-3 for columns "
            + "when absent. 0 for absent.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        gridable = true)
    public double discriminator_learning_rate;

    @API(
        help = "Decay, per step, of the running mean of the generator's weights that samples are drawn "
            + "from; 0 for the last weights; 0.999 for architecture mlp and 0.998 for columns when "
            + "absent. -1 for absent.",
        direction = API.Direction.INOUT,
        level = API.Level.expert,
        gridable = true)
    public double ema_decay;

    @API(
        help = "Where to train: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary)
    public String device;

    @API(
        help = "How many seconds the job waits for a worker (h2o-gan worker) before it fails.",
        direction = API.Direction.INOUT,
        level = API.Level.secondary)
    public double wait_for_worker_secs;

    @API(
        help = "The only worker that may do the job, by its name; any when absent.",
        direction = API.Direction.INOUT,
        level = API.Level.expert)
    public String worker;
  }
}
