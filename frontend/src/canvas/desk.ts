import { failureOf, Refused } from "../failure";
import type { Failure } from "../failure";
import { artifactsOf, createArtifact, readArtifact } from "./artifacts";
import type { Artifact } from "./artifacts";
import type { Canvas, Draft } from "./canvas";
import { described } from "./kinds";
import { Manuscript } from "./manuscript";

export interface DeskView {
  /** What lies open, once it has come. */
  manuscript: Manuscript | null;
  failure: Failure | null;
  /** All artifacts of the thread, the last written first. */
  artifacts: readonly Artifact[];
}

/** The artifacts of a thread, as far as they have been opened. They stay: what is not saved yet is in them. */
export class Desk {
  readonly #thread: string;
  readonly #canvas: Canvas;
  readonly #held = new Map<string, Manuscript>();
  readonly #listeners = new Set<() => void>();
  #wanted: string | null = null;
  #listed = "";
  #view: DeskView = { manuscript: null, failure: null, artifacts: [] };

  constructor(thread: string, canvas: Canvas) {
    this.#thread = thread;
    this.#canvas = canvas;
    canvas.subscribe(this.#follow);
    this.#follow();
    addEventListener("beforeunload", (event) => {
      if ([...this.#held.values()].some((each) => each.endangered)) event.preventDefault();
    });
    addEventListener("pagehide", () => this.#held.forEach((each) => each.leave()));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.#view.manuscript?.look();
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): DeskView => this.#view;

  readonly retry = (): void => {
    this.#wanted = null;
    this.#follow();
  };

  /** Keeps a draft that was not finished. */
  async keep({ name, kind, language, pieces }: Draft): Promise<void> {
    const { artifact } = await createArtifact({
      name: name === "" ? described(kind, language) : name,
      kind,
      ...(language === null ? {} : { language }),
      text: pieces.join(""),
      threadId: this.#thread,
      note: "stopped",
    });
    this.#canvas.show(artifact.artifactId);
    this.#canvas.discard();
  }

  forget(id: string): void {
    this.#held.get(id)?.abandon();
    this.#held.delete(id);
    this.#change({ manuscript: null, artifacts: this.#view.artifacts.filter(({ artifactId }) => artifactId !== id) });
    this.#canvas.forget(id);
    const [other] = this.#view.artifacts;
    if (other === undefined) this.#canvas.close();
    else this.#canvas.show(other.artifactId);
  }

  async list(): Promise<void> {
    // Without the list there is one artifact to choose from: the one in view.
    const artifacts = await artifactsOf(this.#thread).catch(() => []);
    this.#change({ artifacts });
  }

  readonly #follow = (): void => {
    const { shown, written, drafted } = this.#canvas.view();
    if (written !== null) this.#held.get(written.id)?.heard(written.version);
    if (shown !== null && shown !== this.#wanted) void this.#open(shown);
    const { manuscript } = this.#view;
    if (drafted && manuscript !== null) this.#settle(manuscript);
    const listed = `${shown} ${written?.id}`;
    if (listed !== this.#listed) {
      this.#listed = listed;
      void this.list();
    }
  };

  async #open(id: string): Promise<void> {
    this.#wanted = id;
    void this.#view.manuscript?.flush();
    try {
      const manuscript = this.#held.get(id) ?? (await this.#fetched(id));
      if (this.#wanted === id) this.#change({ manuscript, failure: null });
      this.#settle(manuscript);
    } catch (error) {
      if (this.#wanted !== id) return;
      this.#change({ manuscript: null, failure: failureOf(error) });
      if (error instanceof Refused && error.status === 404) this.#canvas.forget(id);
    }
  }

  async #fetched(id: string): Promise<Manuscript> {
    const manuscript = new Manuscript(await readArtifact(id));
    const known = this.#held.get(id);
    if (known !== undefined) return known;
    this.#held.set(id, manuscript);
    manuscript.subscribe(() => this.#settle(manuscript));
    return manuscript;
  }

  /** Takes the draft away once what became of it is in view. */
  #settle(manuscript: Manuscript): void {
    const { written, drafted } = this.#canvas.view();
    if (!drafted || written === null || manuscript.id !== written.id) return;
    if (manuscript.sight().artifact.version >= written.version) this.#canvas.settled();
  }

  #change(change: Partial<DeskView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

const desks = new WeakMap<Canvas, Desk>();

export function deskOf(thread: string, canvas: Canvas): Desk {
  const desk = desks.get(canvas) ?? new Desk(thread, canvas);
  desks.set(canvas, desk);
  return desk;
}
