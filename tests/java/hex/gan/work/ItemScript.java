package hex.gan.work;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

/** Runs a work item's transitions as they are read from the standard input, at times that the test chooses. */
public final class ItemScript {
  public static void main(String[] arguments) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    WorkItem item = null;
    String line;
    while ((line = in.readLine()) != null) {
      String[] words = line.split(" ");
      if (words[0].equals("new")) {
        item = new WorkItem(
            null, "i-0", words[1], "job", "model", "frame", "{}", Long.parseLong(words[2]), null,
            Double.parseDouble(words[3]), Double.parseDouble(words[4]), 0);
        System.out.println("new");
      } else {
        boolean done = run(item, words, (long) (1000 * Double.parseDouble(words[1])));
        System.out.println(
            done + " " + item.state() + " " + item.attempts() + " " + item.lost() + " " + item.cancelled() + " "
                + item.abandoned() + " " + item.worker());
      }
      System.out.flush();
    }
  }

  /** Each line is a transition, the time in seconds, and what else it takes. */
  private static boolean run(WorkItem item, String[] words, long now) {
    switch (words[0]) {
      case "claim":
        return item.claim(words[2], words[3], 15_000, Long.MAX_VALUE, now);
      case "claim_few":
        return item.claim(words[2], words[3], 15_000, 100, now);
      case "beat":
        return item.heartbeat(words[2], 0.5, null, null, now);
      case "checkpoint": {
        int number = item.upload(words[2], now);
        return number > 0 && item.checkpoint(number, null) == null;
      }
      case "finish":
        return item.finish(words[2], null, now);
      case "fail":
        return item.fail(words[2], "why", now);
      case "release":
        return item.release(words[2], now);
      case "cancel":
        return item.cancel();
      case "close":
        return item.close();
      case "tick":
        return item.tick(now, words.length > 2 ? (long) (1000 * Double.parseDouble(words[2])) : 0);
      case "awaits":
        return item.awaits(words[2]);
      default:
        throw new IllegalArgumentException(words[0]);
    }
  }

  private ItemScript() {}
}
