import { diff } from "@codemirror/merge";
import { Annotation, ChangeSet, Transaction } from "@codemirror/state";
import type { EditorState, Text } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

import { failureOf, FailureError, Refused } from "../failure";
import type { Failure } from "../failure";
import { before, readArtifact, renameArtifact, restoreVersion, writeLast, writeText } from "./artifacts";
import type { Held, Written } from "./artifacts";
import { characters } from "./characters";
import { editing, linesOf, mount, paper } from "./paper";

export type Keeping = "kept" | "changed" | "keeping" | "failed";

/** What the page shows around the text. */
export interface Sight {
  artifact: Written;
  keeping: Keeping;
  failure: Failure | null;
  /** What came of two having written at once; null where there is nothing to tell. */
  note: string | null;
  /** Whether the note is of places where both are in the text, marked. */
  conflicted: boolean;
  selected: boolean;
}

const PAUSE = 1000;
const AGAIN = 5000;
const LAST_WORDS = 15_000;
// Finding the smallest difference of two long texts may take for ever; a coarse one merges, too.
const DIFF = { scanLimit: 500, timeout: 200 };

/** Marks what came from the server: it is no change of the person's. */
const arrival = Annotation.define<boolean>();

/**
 * One artifact as the person writes on it. What stands here is always `#server` with `#mine` applied; what comes from
 * the server is put beneath those changes, so that nothing typed is lost, whenever it comes.
 */
export class Manuscript {
  readonly id: string;
  readonly #listeners = new Set<() => void>();
  #state: EditorState;
  #view: EditorView | null = null;
  #tag: string;
  #ends: string;
  /** What the server has, or will have when what is on its way has come there. */
  #server: Text;
  #mine: ChangeSet;
  #due = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #work: Promise<void> | null = null;
  /** The newest version that was heard of. */
  #heard = 0;
  #gone = false;
  #sight: Sight;

  constructor({ artifact, tag }: Held) {
    this.id = artifact.artifactId;
    this.#tag = tag;
    this.#ends = endsOf(artifact.text);
    const changed = EditorView.updateListener.of(({ state, transactions, selectionSet, docChanged }) => {
      this.#state = state;
      for (const each of transactions) this.#typed(each);
      if (selectionSet || docChanged) this.#look({ selected: !state.selection.main.empty });
    });
    const blurred = EditorView.domEventHandlers({ blur: () => void this.flush() });
    this.#state = paper(flat(artifact.text, this.#ends), this.#sort(artifact), [editing, changed, blurred]);
    this.#server = this.#state.doc;
    this.#mine = ChangeSet.empty(this.#server.length);
    const note = conflictNote(artifact);
    this.#sight = { artifact, keeping: "kept", failure: null, note, conflicted: note !== null, selected: false };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly sight = (): Sight => this.#sight;

  /** As it stands here, with the ends of lines that it has at the server. */
  text(): string {
    return this.#state.doc.sliceString(0, this.#state.doc.length, this.#ends);
  }

  get view(): EditorView | null {
    return this.#view;
  }

  /** Shows it in `host`, until the answer is called. */
  mount(host: HTMLElement): () => void {
    const view = mount(this.#state, this.#sort(this.#sight.artifact), host);
    this.#view = view;
    return () => {
      this.#state = view.state;
      this.#view = null;
      view.destroy();
    };
  }

  /** What is selected, as the server counts it; null where nothing is. */
  selection(): { start: number; end: number } | null {
    const { from, to, empty } = this.#state.selection.main;
    if (empty) return null;
    const before = this.#state.doc.sliceString(0, from, this.#ends);
    const within = this.#state.doc.sliceString(from, to, this.#ends);
    const start = characters(before, before.length);
    return { start, end: start + characters(within, within.length) };
  }

  /** Saves what is not saved yet; whether all of it is. */
  async flush(): Promise<boolean> {
    this.#due = true;
    await this.#settle();
    // What was typed while the last of it was on its way.
    if (!this.#mine.empty && this.#sight.keeping !== "failed") return this.flush();
    return this.#mine.empty;
  }

  /** There is a newer version, perhaps. */
  heard(version: number): void {
    if (version <= Math.max(this.#heard, this.#sight.artifact.version)) return;
    this.#heard = version;
    void this.#settle();
  }

  /** Whether somebody has written elsewhere. */
  async look(): Promise<void> {
    if (this.#work !== null || this.#gone) return;
    try {
      this.heard((await readArtifact(this.id)).artifact.version);
    } catch {
      // Nobody asked for this: what is to be known will be said when something is saved.
    }
  }

  async restore(version: number): Promise<void> {
    if (!(await this.flush())) throw new NotKept();
    this.#take(await restoreVersion(this.id, version, this.#tag));
    void this.#settle();
  }

  /** Goes back to what the current version was made from. */
  async undo(): Promise<void> {
    if (!(await this.flush())) throw new NotKept();
    const earlier = await before(this.id);
    if (earlier === undefined) this.#look({ note: "There is no earlier version." });
    else await this.restore(earlier);
  }

  async rename(name: string): Promise<void> {
    const { name: given, updatedAt } = await renameArtifact(this.id, name);
    this.#look({ artifact: { ...this.#sight.artifact, name: given, updatedAt } });
  }

  /** Takes the person to the first place that a merge left open. */
  showConflict(): void {
    const at = this.#state.doc.toString().search(/^<{7} /m);
    if (at < 0) return;
    this.#view?.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    this.#view?.focus();
  }

  /** The note has been read. */
  dismiss(): void {
    this.#look({ note: null, conflicted: false });
  }

  /** The artifact has been deleted: there is nothing to save any more. */
  abandon(): void {
    this.#gone = true;
    clearTimeout(this.#timer);
  }

  /** The page goes. */
  leave(): void {
    if (this.changed) writeLast(this.id, this.text(), this.#tag);
  }

  /** Whether what was typed would be lost with the page: a browser lets little be sent after it has gone. */
  get endangered(): boolean {
    if (!this.changed) return false;
    return this.#sight.keeping === "failed" || this.#state.doc.length > LAST_WORDS;
  }

  get changed(): boolean {
    return !this.#gone && !this.#mine.empty;
  }

  #sort({ name, kind, language }: Written) {
    return { name, kind, language };
  }

  #typed(transaction: Transaction): void {
    if (!transaction.docChanged || transaction.annotation(arrival)) return;
    this.#mine = this.#mine.compose(transaction.changes);
    this.#due = false;
    this.#soon(PAUSE);
    if (this.#work === null) this.#look({ keeping: "changed" });
  }

  #soon(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#due = true;
      void this.#settle();
    }, pause);
  }

  /** One at a time: a version is made from the one before. */
  #settle(): Promise<void> {
    this.#work ??= this.#settled().finally(() => {
      this.#work = null;
    });
    return this.#work;
  }

  async #settled(): Promise<void> {
    try {
      while (!this.#gone) {
        const behind = this.#heard > this.#sight.artifact.version;
        if (!this.#mine.empty && (this.#due || behind)) await this.#put();
        else if (behind) await this.#pull();
        else break;
      }
      const settled = this.#sight.conflicted && !this.#state.doc.toString().includes("<<<<<<< ");
      this.#look({
        keeping: this.#mine.empty ? "kept" : "changed",
        failure: null,
        ...(settled ? { note: null, conflicted: false } : {}),
      });
    } catch (error) {
      this.#look({ keeping: "failed", failure: failureOf(error) });
      if (!(error instanceof Refused) || error.status >= 500) this.#soon(AGAIN);
    }
  }

  async #pull(): Promise<void> {
    this.#take(await readArtifact(this.id));
  }

  async #put(): Promise<void> {
    const sent = this.#mine;
    const had = this.#server;
    clearTimeout(this.#timer);
    this.#due = false;
    this.#server = this.#state.doc;
    this.#mine = ChangeSet.empty(this.#server.length);
    this.#look({ keeping: "keeping" });
    try {
      this.#take(await this.#written(this.text()));
    } catch (error) {
      this.#server = had;
      this.#mine = sent.compose(this.#mine);
      throw error;
    }
  }

  async #written(text: string): Promise<Held> {
    try {
      return await writeText(this.id, text, this.#tag, false);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 412) throw error;
    }
    const merged = await writeText(this.id, text, this.#tag, true);
    const { conflicts } = merged.artifact;
    this.#look({ note: conflicts > 0 ? null : "The document was also changed elsewhere. Both changes are merged." });
    return merged;
  }

  /** Puts what the server has now beneath what has been typed since. */
  #take({ artifact, tag }: Held): void {
    if (artifact.version < this.#sight.artifact.version) return;
    this.#tag = tag;
    this.#ends = endsOf(artifact.text);
    this.#heard = Math.max(this.#heard, artifact.version);
    const now = linesOf(flat(artifact.text, this.#ends));
    const theirs = changesOf(this.#server.toString(), now.toString());
    const beneath = theirs.map(this.#mine);
    this.#server = now;
    this.#mine = this.#mine.map(theirs, true);
    if (!beneath.empty) this.#apply(beneath);
    const note = conflictNote(artifact);
    this.#look({ artifact, ...(note === null ? {} : { note, conflicted: true }) });
  }

  #apply(changes: ChangeSet): void {
    const arrived = { changes, annotations: [arrival.of(true), Transaction.addToHistory.of(false)] };
    if (this.#view === null) this.#state = this.#state.update(arrived).state;
    else this.#view.dispatch(arrived);
  }

  #look(change: Partial<Sight>): void {
    this.#sight = { ...this.#sight, ...change };
    for (const listener of this.#listeners) listener();
  }
}

class NotKept extends FailureError {
  constructor() {
    super({ title: "Not restored", detail: "Your changes could not be saved first.", fields: [] });
  }
}

function changesOf(before: string, after: string): ChangeSet {
  return ChangeSet.of(
    diff(before, after, DIFF).map(({ fromA, toA, fromB, toB }) => ({
      from: fromA,
      to: toA,
      insert: linesOf(after.slice(fromB, toB)),
    })),
    before.length,
  );
}

/** The ends of its lines, where they are all of one kind: what is mixed stays as it is. */
function endsOf(text: string): string {
  return text.includes("\r\n") && !/(^|[^\r])\n/.test(text) ? "\r\n" : "\n";
}

function flat(text: string, ends: string): string {
  return ends === "\n" ? text : text.replaceAll(ends, "\n");
}

function conflictNote({ conflicts }: Written): string | null {
  if (conflicts === 0) return null;
  const where = conflicts === 1 ? "" : ` in ${conflicts} places`;
  return `You and the agent changed the same lines${where}. Both versions are between <<<<<<< and >>>>>>>: keep one.`;
}
