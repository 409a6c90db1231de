package hex.gan;

import hex.schemas.ModelBuilderSchema;
import water.api.API;
import water.api.schemas3.ModelParametersSchemaV3;

/** The form of "GAN: generate rows". */
public final class GANRowsV3 extends ModelBuilderSchema<GANRows, GANRowsV3, GANRowsV3.GANRowsParametersV3> {
  /** The fields of the form. */
  public static final class GANRowsParametersV3
      extends ModelParametersSchemaV3<GANRows.GANRowsParameters, GANRowsParametersV3> {
    /** Names of the parameters, in Flow's order. */
    public static String[] fields = {
      "model", "rows", "frame", "conditions", "balance", "seed", "temperature", "wait_for_worker_secs",
    };

    @API(
        help = "Name of the GAN to generate rows of. Empty: the GAN that was trained last.",
        level = API.Level.critical, direction = API.Direction.INOUT)
    public String model;

    @API(
        help = "Number of rows to generate.",
        level = API.Level.critical, direction = API.Direction.INOUT)
    public long rows;

    @API(
        help = "Key of the frame of generated rows. Empty: named after the model.",
        level = API.Level.critical, direction = API.Direction.INOUT)
    public String frame;

    @API(
        help = "What every row keeps: column = value, or column = low..high, with ; between them, such as "
            + "group = tall; height = 150..170.",
        level = API.Level.secondary, direction = API.Direction.INOUT)
    public String conditions;

    @API(
        help = "Column whose levels occur in equal numbers.",
        level = API.Level.secondary, direction = API.Direction.INOUT)
    public String balance;

    @API(
        help = "Random seed: the same seed gives the same rows. -1 draws one.",
        level = API.Level.secondary, direction = API.Direction.INOUT)
    public long seed;

    @API(
        help = "Variety of the rows: below 1, frequent values are generated more often; above 1, rare ones.",
        level = API.Level.expert, direction = API.Direction.INOUT)
    public double temperature;

    @API(
        help = "Seconds that the job waits for a worker (h2o-gan worker) before it fails.",
        level = API.Level.expert, direction = API.Direction.INOUT)
    public double wait_for_worker_secs;
  }
}
