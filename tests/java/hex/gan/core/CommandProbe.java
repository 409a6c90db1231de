package hex.gan.core;

import hex.gan.core.cli.Commands;
import hex.gan.core.file.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Runs commands, each given by its arguments, and answers with the status, output and messages of each. */
public final class CommandProbe {
  private CommandProbe() {}

  public static void main(String[] arguments) throws IOException {
    List<Object> answers = new ArrayList<>();
    Json request = ProbeIO.request();
    PrintStream out = System.out;
    PrintStream err = System.err;
    try {
      for (Json command : request.items()) {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        System.setOut(new PrintStream(output, true, "UTF-8"));
        System.setErr(new PrintStream(messages, true, "UTF-8"));
        int status = Commands.run(command.texts().toArray(new String[0]));
        System.out.flush();
        System.err.flush();
        answers.add(Arrays.asList(status, output.toString("UTF-8"), messages.toString("UTF-8")));
      }
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    ProbeIO.answer(answers);
  }
}
