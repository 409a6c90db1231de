package hex.gan.core;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;

/**
 * Runs probes, one request after the other, so that a module of tests starts one JVM.
 *
 * <p>A request is the name of the class, as writeUTF writes it, and the length and the bytes of its standard input. The
 * answer is the length and the bytes of its standard output, or of a stack trace with a negative length.
 */
public final class Probes {
  private Probes() {}

  public static void main(String[] arguments) throws IOException {
    DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
    DataOutputStream out = new DataOutputStream(System.out);
    while (true) {
      String name;
      try {
        name = in.readUTF();
      } catch (EOFException end) {
        return;
      }
      byte[] request = new byte[in.readInt()];
      in.readFully(request);
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      StringWriter error = new StringWriter();
      run(name, request, answer, error);
      byte[] trace = error.toString().getBytes("UTF-8");
      out.writeInt(trace.length > 0 ? -trace.length : answer.size());
      out.write(trace.length > 0 ? trace : answer.toByteArray());
      out.flush();
    }
  }

  private static void run(String name, byte[] request, ByteArrayOutputStream answer, StringWriter error)
      throws IOException {
    System.setIn(new ByteArrayInputStream(request));
    System.setOut(new PrintStream(answer, false, "UTF-8"));
    try {
      Class<?> probe = Class.forName("hex.gan.core." + name);
      probe.getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    } catch (InvocationTargetException failure) {
      failure.getCause().printStackTrace(new PrintWriter(error, true));
    } catch (ReflectiveOperationException failure) {
      failure.printStackTrace(new PrintWriter(error, true));
    }
    System.out.flush();
  }
}
