import { Refused } from "./failure";

export interface Agent {
  id: string;
  name: string;
  description: string;
  available: boolean;
  unavailableReason?: string;
}

export interface Model {
  spec: string;
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

/** Comes back when the run has ended, whoever reads it. */
export async function cancelRun(runId: string): Promise<void> {
  const answer = await fetch(`/api/v1/runs/${encodeURIComponent(runId)}/cancel`, { method: "POST" });
  if (!answer.ok) throw new Refused(answer.status, await answer.text());
}

async function items<T>(path: string): Promise<T[]> {
  const found: T[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const part = `${path}?limit=100${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
    const response = await fetch(part, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Refused(response.status, await response.text());
    const page = (await response.json()) as { items: T[]; nextCursor?: string };
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}
