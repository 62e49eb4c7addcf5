package io.sandpiper.agent;

/** Loaded once more, by a loader of its own, so it is nobody's nested class. */
public class OwnThread extends Thread {

  @Override
  public void run() {}
}
