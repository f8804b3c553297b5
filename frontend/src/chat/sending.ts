import type { KeyboardEvent } from "react";

/** Enter sends the form, Shift+Enter begins a new line, and an input method may use Enter for itself. */
export function sendOnEnter(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
  event.preventDefault();
  event.currentTarget.form?.requestSubmit();
}
