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

/** The algorithm {@code gan}: a worker, a Python process with torch, trains the model. */
public final class GAN extends ModelBuilder<GANModel, GANModel.GANParameters, GANModel.GANOutput> {
  /** Seconds that a worker may take beyond twice max_runtime_secs: to start, to read rows, to hand in the model. */
  private static final double GRACE_S = 300;

  /** Makes the builder that H2O registers. */
  public GAN(boolean startup) {
    super(new GANModel.GANParameters(), startup, "hex.gan.");
    clearInitState(); // A list of algorithms is not to show what a new form lacks.
  }

  public GAN(GANModel.GANParameters parameters) {
    super(parameters);
    init(false);
  }

  @Override
  public ModelCategory[] can_build() {
    return new ModelCategory[] {ModelCategory.AnomalyDetection};
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

  /** Ignores none: constant columns, strings and UUIDs are part of every sample. */
  @Override
  protected void ignoreBadColumns(int predictors, boolean expensive) {}

  @Override
  public void init(boolean expensive) {
    ReferenceCheck references = new ReferenceCheck(_parms);
    // H2O's check throws for keys of missing objects or of another type, so it gets only the keys that fit.
    references.hide();
    try {
      super.init(expensive);
    } finally {
      references.show();
    }
    references.run(this::error);
    GeneratedRows.check(_parms, _result, this::error);
    if (!expensive && _result != null) {
      checkModelId(_result);
    }
    new ParameterCheck(_parms, this::error).run(_result == null ? null : _result.toString());
  }

  private void checkModelId(Key<?> key) {
    String refusal = TaskQueue.refusal(key.toString());
    Value value = refusal == null ? DKV.get(key) : null;
    if (value != null && !(value.get() instanceof hex.Model)) {
      refusal = "'" + key + "' is in the cluster already, as a " + value.get().getClass().getSimpleName()
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
    /** The earlier model under the same key, which stays until the new model is complete; null where there is none. */
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
      if (_parms._generate_rows > 0 && !_job.stop_requested()) {
        generate(model);
      }
    }

    /** Generates the rows that were asked for. The model stays also where that fails. */
    private void generate(GANModel model) {
      Key<Frame> rows = GeneratedRows.make(model, _job);
      if (DKV.get(dest()) != null) {
        model.write_lock(_job);
        model._output._rows = rows;
        model.update(_job);
        model.unlock(_job);
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
        Watch.until(task._key, _job, Watch.UNITS, now -> {
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

    /** Stores the metrics, after the earlier model was removed: its metrics of this frame have the same key. */
    private void measure(Tables tables, GANModel model) {
      try {
        tables.measure(model);
      } catch (RuntimeException e) {
        // The model is kept without its metrics.
        _job.warn("the metrics of model '" + dest() + "' could not be stored: " + e);
      }
    }

    /** Locks the model's key. An earlier model stays as it is, but locked against changes. */
    private boolean lock(GANModel model) {
      Iced<?> there = DKV.getGet(dest());
      if (there instanceof hex.Model) {
        ((Lockable<?>) there).read_lock(_job._key);
        before = (Lockable<?>) there;
      } else if (there != null) {
        throw new H2OIllegalArgumentException(
            "'" + dest() + "' is the key of another object by now: choose another model_id");
      } else {
        model.delete_and_lock(_job);
      }
      return true;
    }

    private void unlock(GANModel model, boolean locked, boolean kept) {
      if (before != null) {
        // Unlocking a model that was removed meanwhile would put an empty one back.
        if (DKV.get(dest()) != null) {
          before.unlock(_job._key, false);
        }
      } else if (locked) {
        model.unlock(_job._key, false);
        if (!kept) {
          model._artifact = null; // It was removed with the other blobs.
          model.remove();
        }
      }
    }

    /** The model file: the result or, of a job that was cancelled or abandoned, the last checkpoint. */
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
          _job.warn(last.message() + ": the model is that of the last checkpoint");
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

    /** Cancels the job, unless it is that of a grid, whose other models continue. */
    private void stop() {
      if (dest().equals(_job._result)) {
        _job.stop();
      }
    }
  }
}
