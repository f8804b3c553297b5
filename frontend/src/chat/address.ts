import { randomUUID } from "@ag-ui/client";

import { choiceOf } from "./choice";
import type { Choice } from "./choice";
import { keptThreads, recall } from "./shelf";
import type { KeptThread } from "./shelf";
import { Thread } from "./thread";

/** The thread that the address names in its fragment; a new one, written there, where it names none. */
export function threadOfAddress(): Thread {
  const named = /^#([\w-]{1,64})$/.exec(location.hash)?.[1];
  const id = named ?? randomUUID();
  if (location.hash !== `#${id}`) history.replaceState(null, "", `#${id}`);
  const [latest] = keptThreads();
  const before = latest === undefined ? undefined : recall(latest);
  const thread = new Thread(id, recall(id) ?? empty(choiceOf(before)));
  if (named !== undefined) void thread.refresh();
  return thread;
}

/** A new thread under an address of its own: the browser's way back leads to the one before. */
export function newThread(choice: Choice): Thread {
  const thread = new Thread(randomUUID(), empty(choice));
  history.pushState(null, "", `#${thread.id}`);
  return thread;
}

const empty = (choice: Choice): KeptThread => ({
  ...choice,
  messages: [],
  interrupts: [],
  failure: null,
});
