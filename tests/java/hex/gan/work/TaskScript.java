package hex.gan.work;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

/** Runs a work task's transitions as they are read from the standard input, at times that the test chooses. */
public final class TaskScript {
  public static void main(String[] arguments) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    Task task = null;
    String line;
    while ((line = in.readLine()) != null) {
      String[] words = line.split(" ");
      if (words[0].equals("new")) {
        task = new Task(
            null, "i-0", words[1], "job", "model", "frame", "{}", Long.parseLong(words[2]), null,
            Double.parseDouble(words[3]), Double.parseDouble(words[4]), 0);
        System.out.println("new");
      } else {
        boolean done = run(task, words, (long) (1000 * Double.parseDouble(words[1])));
        System.out.println(
            done + " " + task.state() + " " + task.attempts() + " " + task.lost() + " " + task.cancelled() + " "
                + task.abandoned() + " " + task.worker());
      }
      System.out.flush();
    }
  }

  /** Each line is a transition, the time in seconds, and what else it takes. */
  private static boolean run(Task task, String[] words, long now) {
    switch (words[0]) {
      case "claim":
        return task.claim(words[2], words[3], 15_000, Long.MAX_VALUE, now);
      case "claim_few":
        return task.claim(words[2], words[3], 15_000, 100, now);
      case "beat":
        return task.heartbeat(words[2], 0.5, null, null, now);
      case "checkpoint": {
        int number = task.upload(words[2], now);
        return number > 0 && task.checkpoint(number, null) == null;
      }
      case "finish":
        return task.finish(words[2], null, now);
      case "fail":
        return task.fail(words[2], "why", now);
      case "release":
        return task.release(words[2], now);
      case "cancel":
        return task.cancel();
      case "close":
        return task.close();
      case "tick":
        return task.tick(now, words.length > 2 ? (long) (1000 * Double.parseDouble(words[2])) : 0);
      case "awaits":
        return task.awaits(words[2]);
      default:
        throw new IllegalArgumentException(words[0]);
    }
  }

  private TaskScript() {}
}
