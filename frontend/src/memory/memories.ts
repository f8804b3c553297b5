import { ask, pageOf } from "../api";
import type { Page } from "../api";

export interface Memory {
  memoryId: string;
  kind: MemoryKind;
  text: string;
  /** The run that it was learned in; absent where a person wrote it. */
  runId?: string;
  createdAt: string;
}

export type MemoryKind = "style" | "fact";

const PATH = "/api/v1/memories";
const at = (id: string): string => `${PATH}/${encodeURIComponent(id)}`;

export const listMemories = (cursor?: string): Promise<Page<Memory>> => pageOf<Memory>(`${PATH}?limit=50`, cursor);

export const addMemory = async (kind: MemoryKind, text: string): Promise<Memory> =>
  (await ask(PATH, { method: "POST", body: { kind, text } })).json() as Promise<Memory>;

export const changeMemory = async (id: string, kind: MemoryKind, text: string): Promise<Memory> =>
  (await ask(at(id), { method: "PUT", body: { kind, text } })).json() as Promise<Memory>;

export const deleteMemory = (id: string): Promise<Response> => ask(at(id), { method: "DELETE" });
