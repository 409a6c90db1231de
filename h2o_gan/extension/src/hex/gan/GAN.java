package hex.gan;

import hex.ModelBuilder;
import hex.ModelCategory;
import hex.gan.work.Blob;
import hex.gan.work.Task;
import hex.gan.work.TaskQueue;
import hex.gan.work.Watch;
import java.util.UUID;
import water.DKV;
import water.Iced;
import water.Job;
import water.Key;
import water.Lockable;
import water.Value;
import water.exceptions.H2OIllegalArgumentException;
import water.exceptions.H2OModelBuilderIllegalArgumentException;
import water.fvec.Frame;

/** The algorithm {@code gan}: a model whose training a worker does, a Python process with torch. */
public final class GAN extends ModelBuilder<GANModel, GANModel.GANParameters, GANModel.GANOutput> {
  /** Seconds beside twice max_runtime_secs that a worker may take: to start, to read the rows, to hand in the model. */
  private static final double GRACE_S = 300;

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
    ReferenceCheck references = new ReferenceCheck(_parms);
    // H2O's own check fails on keys of what is not there, or is something else: it sees only those that fit.
    references.hide();
    try {
      super.init(expensive);
    } finally {
      references.show();
    }
    references.run(this::error);
    if (!expensive && _result != null) {
      checkModelId(_result);
    }
    new ParameterCheck(_parms, this::error).run(_result == null ? null : _result.toString());
  }

  private void checkModelId(Key<?> key) {
    String refusal = TaskQueue.refusal(key.toString());
    Value value = refusal == null ? DKV.get(key) : null;
    if (value != null && !(value.get() instanceof hex.Model)) {
      refusal = "'" + key + "' is something else in the cluster, a " + value.get().getClass().getSimpleName()
          + ": choose another model_id";
    }
    if (refusal != null) {
      error("_model_id", refusal);
    }
  }

  @Override
  protected Driver trainModelImpl() {
    return new WorkerDriver();
  }

  private final class WorkerDriver extends Driver {
    private Task task;
    /** What there was under the model's key; it stays there until the new model stands. */
    private Lockable<?> before;

    @Override
    public void compute2() {
      Watch.aside("gan " + dest(), this, super::compute2);
    }

    @Override
    public void computeImpl() {
      init(true);
      if (error_count() > 0) {
        throw H2OModelBuilderIllegalArgumentException.makeFromBuilder(GAN.this);
      }
      GANModel model = new GANModel(dest(), _parms, new GANModel.GANOutput(GAN.this));
      model._row_bytes = GANModel.rowBytes(_parms.train());
      task = new Task(
          UUID.randomUUID().toString(), "train", _job._key.toString(), dest().toString(), _parms._train.toString(),
          new ParametersJson(_parms).toString(), 0, _parms._worker, _parms._wait_for_worker_secs,
          _parms._max_runtime_secs > 0 ? 2 * _parms._max_runtime_secs + GRACE_S : 0);
      String refusal = TaskQueue.post(task);
      if (refusal != null) {
        throw new H2OIllegalArgumentException(refusal);
      }
      try {
        train(model);
      } finally {
        TaskQueue.takeOff(task._key);
      }
    }

    private void train(GANModel model) {
      Tables tables = new Tables(model._output);
      boolean locked = false;
      boolean kept = false;
      Task last = null;
      Blob taken = null;
      try {
        locked = lock(model);
        Watch.until(task._key, _job, now -> {
          if (tables.update(now.tables()) && before == null) {
            model.update(_job);
          }
        });
        last = TaskQueue.close(task._key);
        taken = made(last);
        model._artifact = taken;
        if (before != null) {
          model.delete_and_lock(_job);
          before = null;
        }
        measure(tables, model);
        model.update(_job);
        kept = true;
      } finally {
        last = last == null ? TaskQueue.close(task._key) : last;
        for (Blob blob : last == null ? new Blob[0] : last.leftovers(kept ? taken : null)) {
          blob.remove();
        }
        unlock(model, locked, kept);
      }
    }

    /** After what was there is gone: its figures of this frame have the key that these get. */
    private void measure(Tables tables, GANModel model) {
      try {
        tables.measure(model);
      } catch (RuntimeException e) {
        // A model is worth more than its figures.
        _job.warn("the figures of model '" + dest() + "' are lost: " + e);
      }
    }

    /** Takes the model's key: a model that is there already is kept as it is, but nobody else may touch it. */
    private boolean lock(GANModel model) {
      Iced<?> there = DKV.getGet(dest());
      if (there instanceof hex.Model) {
        ((Lockable<?>) there).read_lock(_job._key);
        before = (Lockable<?>) there;
      } else if (there != null) {
        throw new H2OIllegalArgumentException(
            "'" + dest() + "' is something else in the cluster by now: choose another model_id");
      } else {
        model.delete_and_lock(_job);
      }
      return true;
    }

    private void unlock(GANModel model, boolean locked, boolean kept) {
      if (before != null) {
        // Of a model that was removed meanwhile, H2O's unlocking would put an empty shell back.
        if (DKV.get(dest()) != null) {
          before.unlock(_job._key, false);
        }
      } else if (locked) {
        model.unlock(_job._key, false);
        if (!kept) {
          model._artifact = null; // It was removed with the rest.
          model.remove();
        }
      }
    }

    /** What the worker has made; of a job that was cancelled or left, the last it has handed in. */
    private Blob made(Task last) {
      if (last == null) {
        throw new IllegalStateException("the cluster was emptied while the model was being trained");
      }
      if (last.state() == Task.State.DONE) {
        return last.result();
      }
      boolean cut = last.cancelled() || last.abandoned();
      if (cut && last.checkpoint() != null) {
        if (last.message() != null) {
          _job.warn(last.message() + ": the model is what was learned until the last checkpoint");
        }
        stop();
        return last.checkpoint();
      }
      boolean asked = _job.stop_requested();
      if (!asked && last.message() != null) {
        throw new IllegalStateException(Generation.reason(last));
      }
      stop();
      throw new Job.JobCancelledException();
    }

    /** Ends the job as cancelled; not one of a grid, whose other models go on. */
    private void stop() {
      if (dest().equals(_job._result)) {
        _job.stop();
      }
    }
  }
}
