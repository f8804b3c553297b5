import { ask } from "../api";
import { Refused } from "../failure";

/** What a person thinks of an answer. */
export interface Opinion {
  thumb: Thumb;
  comment?: string;
}

export type Thumb = "up" | "down";

/** Both by the answer's id. */
export interface KeptOpinions {
  said: Record<string, Opinion>;
  /** The run that it came of. */
  runs: Record<string, string>;
}

/** What was said of a thread's answers. The server has it for whoever asks; this page asks it nothing, and remembers. */
export class Opinions {
  readonly #listeners = new Set<() => void>();
  readonly #keep: () => void;
  readonly #said: Map<string, Opinion>;
  readonly #runs: Map<string, string>;
  readonly #drafts = new Map<string, string>();

  constructor(kept: KeptOpinions | undefined, keep: () => void) {
    this.#keep = keep;
    this.#said = new Map(Object.entries(kept?.said ?? {}));
    this.#runs = new Map(Object.entries(kept?.runs ?? {}));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  of(answer: string): Opinion | undefined {
    return this.#said.get(answer);
  }

  /** A comment that is being written. */
  draftOf(answer: string): string | undefined {
    return this.#drafts.get(answer);
  }

  draft(answer: string, words: string): void {
    this.#drafts.set(answer, words);
    this.#tell();
  }

  dropDraft(answer: string): void {
    this.#drafts.delete(answer);
    this.#tell();
  }

  came(answers: readonly string[], runId: string): void {
    for (const answer of answers) this.#runs.set(answer, runId);
  }

  async say(answer: string, opinion: Opinion): Promise<void> {
    await ask(at(answer), { method: "PUT", body: { ...opinion, runId: this.#runs.get(answer) } });
    this.#said.set(answer, opinion);
    // What was written while the comment was on its way is yet to be sent.
    const { thumb, comment = "" } = opinion;
    if (thumb === "up" || this.#drafts.get(answer)?.trim() === comment) this.#drafts.delete(answer);
    this.#changed();
  }

  async takeBack(answer: string): Promise<void> {
    try {
      await ask(at(answer), { method: "DELETE" });
    } catch (error) {
      // It was taken back elsewhere: what is wanted is so.
      if (!(error instanceof Refused && error.status === 404)) throw error;
    }
    this.#said.delete(answer);
    this.#drafts.delete(answer);
    this.#changed();
  }

  /** Of these answers: others are not in the thread any more. */
  kept(answers: readonly string[]): KeptOpinions {
    const of = <T>(all: ReadonlyMap<string, T>): Record<string, T> =>
      Object.fromEntries([...all].filter(([answer]) => answers.includes(answer)));
    return { said: of(this.#said), runs: of(this.#runs) };
  }

  #changed(): void {
    this.#tell();
    this.#keep();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What to say where `failed` was not kept: with the comment as its form has it by now, null where that is closed. */
export function sayAgain(failed: Opinion | null, form: string | null): Opinion | null {
  if (failed?.thumb !== "down" || form === null) return failed;
  const comment = form.trim();
  return comment === "" ? { thumb: "down" } : { thumb: "down", comment };
}

const at = (answer: string): string => `/api/v1/messages/${encodeURIComponent(answer)}/feedback`;
