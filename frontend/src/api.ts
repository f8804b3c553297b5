import type { Interrupt, Message } from "@ag-ui/client";

import { Refused } from "./failure";

export interface Agent {
  id: string;
  name: string;
  description: string;
  available: boolean;
  unavailableReason?: string;
  /** How its answers are read unless something else is asked for; absent where nothing can be asked for. */
  reviewMode?: string;
}

export interface Model {
  id: string;
  provider: string;
  name: string;
  available: boolean;
}

export const listAgents = (): Promise<Agent[]> => items<Agent>("/api/v1/agents");

export const listModels = (): Promise<Model[]> => items<Model>("/api/v1/models");

export const chatUrl = (agentId: string): string =>
  `/api/v1/chat/${encodeURIComponent(agentId)}`;

/** What a thread's run goes on to say, after how the thread stands. */
export const threadEventsUrl = (threadId: string): string =>
  `/api/v1/threads/${encodeURIComponent(threadId)}/events?protocolVersion=1.0`;

/** What of a thread's state the page uses. */
export interface ThreadState {
  messages: Message[];
  interrupts: Interrupt[];
}

/** The thread as the server has it; null where it has none. */
export async function threadState(threadId: string): Promise<ThreadState | null> {
  try {
    return (await (await ask(`/api/v1/threads/${encodeURIComponent(threadId)}/state`)).json()) as ThreadState;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

/** Comes back when the run has ended, whoever reads it. */
export async function cancelRun(runId: string): Promise<void> {
  await ask(`/api/v1/runs/${encodeURIComponent(runId)}/cancel`, { method: "POST" });
}

/** An answer in the 2xx, or `Refused`. A body is sent as JSON. */
export async function ask(path: string, how: Omit<RequestInit, "body"> & { body?: object } = {}): Promise<Response> {
  const { body, headers, ...rest } = how;
  const answer = await fetch(path, {
    ...rest,
    headers: { Accept: "application/json", ...headers, ...(body && { "Content-Type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Refused(answer.status, await answer.text());
  return answer;
}

export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

export async function pageOf<T>(path: string, cursor?: string): Promise<Page<T>> {
  const asked = cursor === undefined ? path : `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;
  return (await ask(asked)).json() as Promise<Page<T>>;
}

/** A whole list, part by part. */
export async function items<T>(path: string): Promise<T[]> {
  const whole = `${path}${path.includes("?") ? "&" : "?"}limit=100`;
  const found: T[] = [];
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const page: Page<T> = await pageOf<T>(whole, cursor);
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}
