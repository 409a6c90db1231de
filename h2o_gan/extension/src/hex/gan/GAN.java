package hex.gan;

import hex.ModelBuilder;
import hex.ModelCategory;
import hex.gan.work.Blob;
import hex.gan.work.Watch;
import hex.gan.work.WorkBoard;
import hex.gan.work.WorkItem;
import java.util.UUID;
import water.Job;
import water.exceptions.H2OModelBuilderIllegalArgumentException;

/** The algorithm {@code gan}: a model whose training a worker does, a Python process with torch. */
public final class GAN extends ModelBuilder<GANModel, GANModel.GANParameters, GANModel.GANOutput> {
  /** For the registration. */
  public GAN(boolean startup) {
    super(new GANModel.GANParameters(), startup, "hex.gan.");
  }

  public GAN(GANModel.GANParameters parameters) {
    super(parameters);
    init(false);
  }

  @Override
  public ModelCategory[] can_build() {
    return new ModelCategory[] {ModelCategory.Unknown};
  }

  @Override
  public BuilderVisibility builderVisibility() {
    return BuilderVisibility.Stable;
  }

  @Override
  public boolean isSupervised() {
    return false;
  }

  @Override
  public boolean isResponseOptional() {
    return true;
  }

  /** Constant columns, texts and uuids are a part of every sample: none is bad. */
  @Override
  protected void ignoreBadColumns(int predictors, boolean expensive) {}

  @Override
  public void init(boolean expensive) {
    super.init(expensive);
    new ParameterCheck(_parms, this::error).run();
  }

  @Override
  protected Driver trainModelImpl() {
    return new WorkerDriver();
  }

  private final class WorkerDriver extends Driver {
    @Override
    public void computeImpl() {
      init(true);
      if (error_count() > 0) {
        throw H2OModelBuilderIllegalArgumentException.makeFromBuilder(GAN.this);
      }
      GANModel model = new GANModel(dest(), _parms, new GANModel.GANOutput(GAN.this));
      model.delete_and_lock(_job);
      WorkItem item = new WorkItem(
          UUID.randomUUID().toString(), "train", _job._key.toString(), dest().toString(),
          _parms._train.toString(), new ParametersJson(_parms).toString(), _parms._worker,
          _parms._wait_for_worker_secs);
      boolean kept = false;
      try {
        WorkBoard.post(item);
        Tables tables = new Tables(model._output);
        WorkItem last = Watch.until(item._key, _job, now -> {
          if (tables.update(now.tables())) {
            model.update(_job);
          }
        });
        model._artifact = made(last);
        tables.measure(model);
        model.update(_job);
        kept = true;
      } finally {
        WorkBoard.remove(item._key, kept);
        model.unlock(_job);
        if (!kept) {
          model.remove();
        }
      }
    }

    /** What the worker has made; of a job that was cancelled, the last it has handed in. */
    private Blob made(WorkItem last) {
      if (last == null) {
        throw new IllegalStateException("the cluster was emptied while the model was being trained");
      }
      if (last.state() == WorkItem.State.DONE) {
        return last.result();
      }
      if (last.state() == WorkItem.State.FAILED && !last.cancelled()) {
        throw new IllegalStateException(last.message());
      }
      if (last.checkpoint() != null) {
        return last.checkpoint();
      }
      throw new Job.JobCancelledException();
    }
  }
}
