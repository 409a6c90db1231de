package hex.gan.work;

import water.Key;
import water.TAtomic;

/** An atomic transition of a task, which runs on the node that stores the task. */
abstract class Change extends TAtomic<Task> {
  /** Whether the task changed. */
  boolean done;
  /** The task afterwards; null where it does not exist. */
  Task task;

  @Override
  protected final Task atomic(Task now) {
    done = now != null && apply(now);
    task = now;
    return done ? now : null;
  }

  /** Applies the transition to a copy of the task; false where the state does not allow it. */
  abstract boolean apply(Task now);

  /** Runs the transition; returns whether the task changed. */
  final boolean on(Key<?> key) {
    invoke(key);
    return done;
  }

  static final class Claim extends Change {
    private final String worker;
    private final String token;
    private final long lease;
    private final long mostRows;

    Claim(String worker, String token, long lease, long mostRows) {
      this.worker = worker;
      this.token = token;
      this.lease = lease;
      this.mostRows = mostRows;
    }

    @Override
    boolean apply(Task now) {
      return now.claim(worker, token, lease, mostRows, Clock.now());
    }
  }

  static final class Heartbeat extends Change {
    private final String token;
    private final double progress;
    private final String note;
    private final String tables;

    Heartbeat(String token, double progress, String note, String tables) {
      this.token = token;
      this.progress = progress;
      this.note = note;
      this.tables = tables;
    }

    @Override
    boolean apply(Task now) {
      return now.heartbeat(token, progress, note, tables, Clock.now());
    }
  }

  static final class Upload extends Change {
    private final String token;
    /** Number of the upload. */
    int number;

    Upload(String token) {
      this.token = token;
    }

    @Override
    boolean apply(Task now) {
      number = now.upload(token, Clock.now());
      return number > 0;
    }
  }

  static final class Checkpoint extends Change {
    private final String token;
    private final int number;
    private final Blob blob;
    /** The blob to remove. */
    Blob dropped;

    Checkpoint(String token, int number, Blob blob) {
      this.token = token;
      this.number = number;
      this.blob = blob;
    }

    @Override
    boolean apply(Task now) {
      if (!now.touch(token, Clock.now())) {
        dropped = blob;
        return false;
      }
      dropped = now.checkpoint(number, blob);
      return true;
    }
  }

  static final class Finish extends Change {
    private final String token;
    private final Blob blob;
    /** Whether this token had finished the task before, with another blob. */
    boolean before;

    Finish(String token, Blob blob) {
      this.token = token;
      this.blob = blob;
    }

    @Override
    boolean apply(Task now) {
      before = now.finishedBy(token);
      return !before && now.finish(token, blob, Clock.now());
    }
  }

  static final class Fail extends Change {
    private final String token;
    private final String message;

    Fail(String token, String message) {
      this.token = token;
      this.message = message;
    }

    @Override
    boolean apply(Task now) {
      return now.fail(token, message, Clock.now());
    }
  }

  static final class Release extends Change {
    private final String token;

    Release(String token) {
      this.token = token;
    }

    @Override
    boolean apply(Task now) {
      return now.release(token, Clock.now());
    }
  }

  static final class Cancel extends Change {
    @Override
    boolean apply(Task now) {
      return now.cancel();
    }
  }

  static final class Close extends Change {
    @Override
    boolean apply(Task now) {
      return now.close();
    }
  }

  static final class Tick extends Change {
    /** When the gap was measured: a pause after that must not count. */
    private final long time;
    private final long gap;

    Tick(long time, long gap) {
      this.time = time;
      this.gap = gap;
    }

    @Override
    boolean apply(Task now) {
      return now.tick(time, gap);
    }
  }
}
