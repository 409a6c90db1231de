package hex.gan;

import water.api.AlgoAbstractRegister;
import water.api.RestApiContext;
import water.api.Schema;
import water.api.SchemaServer;

/** Registers the algorithm and its schemas with H2O. */
final class Registration extends AlgoAbstractRegister {
  private final Schema<?, ?>[] schemas = {
    new GANV3(), new GANV3.GANParametersV3(), new GANModelV3(), new GANModelV3.GANModelOutputV3(),
    new ModelMetricsGANV3(), new GANRowsV3(), new GANRowsV3.GANRowsParametersV3(),
  };
  private final GAN builder = new GAN(true);
  private final GANRows rows = new GANRows(true);

  @Override
  public void registerEndPoints(RestApiContext context) {
    registerModelBuilder(context, builder, SchemaServer.getStableVersion());
    registerModelBuilder(context, rows, SchemaServer.getStableVersion());
  }

  @Override
  public void registerSchemas(RestApiContext context) {
    context.registerSchema(schemas);
  }
}
