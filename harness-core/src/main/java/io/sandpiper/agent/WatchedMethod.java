package io.sandpiper.agent;

import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/** What is added to the methods of watched classes. */
final class WatchedMethod {

  private WatchedMethod() {}

  @Advice.OnMethodEnter
  static @Nullable Object enter(
      @Advice.This Object target,
      @Advice.Origin("#t") String type,
      @Advice.Origin("#m") String method,
      @Advice.Origin("#d") String descriptor,
      @Advice.AllArguments @Nullable Object[] arguments) {
    return CallRecorder.begun(target, type, method, descriptor, arguments);
  }

  @Advice.OnMethodExit(onThrowable = Throwable.class)
  static void exit(
      @Advice.Origin("#r") String returnType,
      @Advice.Enter @Nullable Object begun,
      @Advice.Return(typing = Assigner.Typing.DYNAMIC) @Nullable Object returned,
      @Advice.Thrown @Nullable Throwable thrown) {
    if (begun != null) {
      CallRecorder.ended(begun, returnType, returned, thrown);
    }
  }
}
