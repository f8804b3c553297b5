import type { Interrupt, Message } from "@ag-ui/client";

import type { KeptCanvas } from "../canvas/canvas";
import type { Failure } from "../failure";
import type { Quality } from "./choice";
import type { KeptOpinions } from "./opinions";

/** A thread as it is kept in this browser, so that a reload shows it again. */
export interface KeptThread {
  agentId: string;
  model: string;
  messages: Message[];
  interrupts: Interrupt[];
  /** Why the last answer is missing or incomplete; null where it is neither. */
  failure: Failure | null;
  /** The tab that wrote this; absent, as what follows, in what an older page kept. */
  tab?: string;
  canvas?: KeptCanvas;
  quality?: Quality | undefined;
  usual?: Quality | null | undefined;
  opinions?: KeptOpinions;
}

const THREADS_KEPT = 20;
const CHARACTERS_PER_THREAD = 500_000;
const ORDER = "agenkit.threads";
export const slot = (id: string): string => `agenkit.thread.${id}`;

export function recall(id: string): KeptThread | undefined {
  return read<KeptThread>(slot(id));
}

/** The ids of all kept threads, the most recently used first. */
export function keptThreads(): string[] {
  return read<string[]>(ORDER) ?? [];
}

/** Keeps the thread and lets go of the oldest ones, further than usual where the browser has no room. */
export function keep(id: string, thread: KeptThread): void {
  const order = [id, ...keptThreads().filter((other) => other !== id)];
  for (const old of order.splice(THREADS_KEPT)) localStorage.removeItem(slot(old));
  const bounded = JSON.stringify({ ...thread, messages: lastMessages(thread.messages) });
  while (!write(order, slot(id), bounded)) {
    const oldest = order.length > 1 ? order.pop() : undefined;
    // No room even alone, or storage forbidden: the conversation goes on, a reload will not show it.
    if (oldest === undefined) return;
    localStorage.removeItem(slot(oldest));
  }
}

/** As many of the last messages as may be kept, from a question on: a result never loses its call. */
function lastMessages(messages: Message[]): Message[] {
  let room = CHARACTERS_PER_THREAD;
  let first = messages.length;
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    room -= JSON.stringify(messages[index]).length;
    if (room < 0) break;
    if (messages[index]?.role === "user") first = index;
  }
  return messages.slice(first);
}

function read<T>(name: string): T | undefined {
  try {
    const text = localStorage.getItem(name);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

function write(order: string[], name: string, text: string): boolean {
  try {
    localStorage.setItem(name, text);
    localStorage.setItem(ORDER, JSON.stringify(order));
    return true;
  } catch {
    return false;
  }
}
