package io.sandpiper.agent;

import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/** What is added to the methods of watched classes. */
final class CallAdvice {

  private CallAdvice() {}

  @Advice.OnMethodEnter
  static @Nullable Object @Nullable [] enter(
      @Advice.This Object target,
      @Advice.Origin("#t") String type,
      @Advice.Origin("#m") String method,
      @Advice.Origin("#d") String descriptor,
      @Advice.AllArguments @Nullable Object[] arguments) {
    return CallRecorder.watches(target, type, method, descriptor) ? arguments : null;
  }

  @Advice.OnMethodExit(onThrowable = Throwable.class)
  static void exit(
      @Advice.This Object target,
      @Advice.Origin("#m") String method,
      @Advice.Origin("#r") String returnType,
      @Advice.Enter @Nullable Object @Nullable [] arguments,
      @Advice.Return(typing = Assigner.Typing.DYNAMIC) @Nullable Object returned,
      @Advice.Thrown @Nullable Throwable thrown) {
    if (arguments != null) {
      CallRecorder.ended(target, method, arguments, returnType, returned, thrown);
    }
  }
}
