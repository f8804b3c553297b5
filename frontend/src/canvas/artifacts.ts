import { ask, items, pageOf } from "../api";
import type { Page } from "../api";
import { FailureError, Refused } from "../failure";
import type { Kind } from "./kinds";

/** An artifact as the lists tell of it. */
export interface Artifact {
  artifactId: string;
  threadId?: string;
  name: string;
  kind: Kind;
  language?: string;
  version: number;
  versions: number;
  size: number;
  updatedAt: string;
}

export interface Written extends Artifact {
  text: string;
  author: Author;
  conflicts: number;
}

export type Author = "person" | "agent" | "tool";

/** A current version with what names it to the server. */
export interface Held {
  artifact: Written;
  tag: string;
}

export interface Version {
  version: number;
  parent?: number;
  author: Author;
  note: string;
  conflicts: number;
  digest: string;
  size: number;
  createdAt: string;
}

export interface Difference {
  before: number;
  after: number;
  /** Lines. */
  added: number;
  removed: number;
  unified: string;
}

export interface Share {
  shareId: string;
  version?: number;
  createdAt: string;
  expiresAt?: string;
}

export interface ShareMade extends Share {
  token: string;
}

export interface Shared extends Version {
  name: string;
  kind: Kind;
  language?: string;
  text: string;
}

const at = (id: string, rest = ""): string => `/api/v1/artifacts/${encodeURIComponent(id)}${rest}`;

async function held(answer: Response): Promise<Held> {
  return { artifact: (await answer.json()) as Written, tag: answer.headers.get("ETag") ?? "*" };
}

export const readArtifact = async (id: string): Promise<Held> => held(await ask(at(id), { cache: "no-store" }));

interface NewArtifact {
  name: string;
  kind: Kind;
  language?: string;
  text: string;
  threadId: string;
  note: string;
}

export const createArtifact = async (wanted: NewArtifact): Promise<Held> =>
  held(await ask("/api/v1/artifacts", { method: "POST", body: wanted }));

export const writeText = async (id: string, text: string, tag: string, merge: boolean): Promise<Held> =>
  held(await ask(at(id, merge ? "?merge=true" : ""), { method: "PUT", headers: { "If-Match": tag }, body: { text } }));

/** For a page that goes: nobody waits for the answer. */
export function writeLast(id: string, text: string, tag: string): void {
  ask(at(id, "?merge=true"), { method: "PUT", headers: { "If-Match": tag }, body: { text }, keepalive: true }).catch(
    () => undefined,
  );
}

export const restoreVersion = async (id: string, version: number, tag: string): Promise<Held> =>
  held(await ask(at(id, "/restore"), { method: "POST", headers: { "If-Match": tag }, body: { version } }));

export const renameArtifact = async (id: string, name: string): Promise<Artifact> =>
  (await ask(at(id), { method: "PATCH", body: { name } })).json() as Promise<Artifact>;

export const deleteArtifact = (id: string): Promise<Response> => ask(at(id), { method: "DELETE" });

export const listVersions = (id: string, cursor?: string): Promise<Page<Version>> =>
  pageOf<Version>(at(id, "/versions?limit=20"), cursor);

const version = async (id: string, number: number): Promise<Version & { text: string }> =>
  (await ask(at(id, `/versions/${number}`))).json() as Promise<Version & { text: string }>;

/** The version that the current one was made from and differs from; undefined where there is none. */
export async function before(id: string): Promise<number | undefined> {
  const { items: newest } = await pageOf<Version>(at(id, "/versions?limit=1"));
  const [current] = newest;
  // What was restored was made from what it says.
  for (let from = current?.parent; from !== undefined; ) {
    const older = await version(id, from);
    if (older.digest !== current?.digest) return from;
    from = older.parent;
  }
  return undefined;
}

export const readVersion = async (id: string, number: number): Promise<string> => (await version(id, number)).text;

export const readDifference = async (id: string, before: number, after: number): Promise<Difference> =>
  (await ask(at(id, `/diff?from=${before}&to=${after}`))).json() as Promise<Difference>;

export const artifactsOf = (thread: string): Promise<Artifact[]> =>
  items<Artifact>(`/api/v1/artifacts?threadId=${encodeURIComponent(thread)}`);

export const downloadUrl = (id: string, version?: number): string =>
  at(id, `/download${version === undefined ? "" : `?version=${version}`}`);

export const previewUrl = (id: string, version: number): string => at(id, `/preview?version=${version}`);

export const bundleUrl = (thread: string): string => `/api/v1/threads/${encodeURIComponent(thread)}/artifacts.zip`;

export const listShares = (id: string): Promise<Share[]> => items<Share>(at(id, "/shares"));

export const createShare = async (id: string, wanted: { version?: number; seconds?: number }): Promise<ShareMade> =>
  (await ask(at(id, "/shares"), { method: "POST", body: wanted })).json() as Promise<ShareMade>;

export const revokeShare = (id: string, share: string): Promise<Response> =>
  ask(at(id, `/shares/${encodeURIComponent(share)}`), { method: "DELETE" });

const shared = (token: string, rest = ""): string => `/api/v1/shared/${encodeURIComponent(token)}${rest}`;

export async function readShared(token: string): Promise<Shared> {
  try {
    return (await (await ask(shared(token))).json()) as Shared;
  } catch (error) {
    if (!(error instanceof Refused && error.status === 404)) throw error;
    throw new FailureError({
      title: "This link no longer works",
      detail: "Ask the owner for a new one.",
      fields: [],
    });
  }
}

export const sharedDownloadUrl = (token: string): string => shared(token, "/download");
export const sharedPreviewUrl = (token: string): string => shared(token, "/preview");
