package io.sandpiper.agent;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.instrument.Instrumentation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import org.jspecify.annotations.Nullable;

/**
 * The Java agent: {@code -javaagent:} with the jar of this module carries sandboxes through
 * threads, pools, futures and timers of the JDK, with no wrapper around them. For the JVM.
 */
public final class SandpiperAgent {

  private static final String BRIDGE = "io/sandpiper/agent/AgentBridge.class";

  private SandpiperAgent() {}

  /**
   * Called by the JVM before {@code main}; ends the JVM where the agent cannot work.
   *
   * @param arguments are not looked at
   * @throws IllegalStateException where Byte Buddy is missing or the JDK is unknown
   */
  public static void premain(@Nullable String arguments, Instrumentation instrumentation) {
    if (SandpiperAgent.class.getClassLoader().getResource("net/bytebuddy/ByteBuddy.class")
        == null) {
      throw new IllegalStateException(
          "The Sandpiper agent needs Byte Buddy: put net.bytebuddy:byte-buddy on the class path of"
              + " the tests, or take away -javaagent.");
    }
    try {
      addBridge(instrumentation);
    } catch (IOException failed) {
      throw new IllegalStateException(
          "The Sandpiper agent could not write to the directory for temporary files (%s): %s"
              .formatted(System.getProperty("java.io.tmpdir"), failed),
          failed);
    }
    Installation.install(instrumentation);
  }

  /** As {@link #premain}, for a JVM that runs already. */
  public static void agentmain(@Nullable String arguments, Instrumentation instrumentation) {
    premain(arguments, instrumentation);
  }

  /** Puts the one class that the JDK's own classes will call where they can see it. */
  private static void addBridge(Instrumentation instrumentation) throws IOException {
    Path jar = Files.createTempFile("sandpiper-agent", ".jar");
    jar.toFile().deleteOnExit();
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(file);
        InputStream bridge = SandpiperAgent.class.getResourceAsStream("/" + BRIDGE)) {
      if (bridge == null) {
        throw new IOException("there is no " + BRIDGE);
      }
      entries.putNextEntry(new ZipEntry(BRIDGE));
      bridge.transferTo(entries);
      entries.closeEntry();
    }
    instrumentation.appendToBootstrapClassLoaderSearch(new JarFile(jar.toFile()));
  }

  /** Apart from the rest, because it cannot be linked before the bridge is in its place. */
  private static final class Installation {

    static void install(Instrumentation instrumentation) {
      TaskInside.open(instrumentation);
      Instruments instruments = new Instruments(instrumentation);
      if (AgentBridge.install(new Carrier(instruments, instrumentation))) {
        instruments.install();
      }
    }
  }
}
