import { EventType } from "@ag-ui/client";
import type {
  AgentSubscriber,
  BaseEvent,
  CustomEvent,
  Message,
  MessagesSnapshotEvent,
  ToolCallArgsEvent,
  ToolCallStartEvent,
} from "@ag-ui/client";

import { Arguments } from "./arguments";
import type { Kind } from "./kinds";

/** The version of an artifact that an agent has written. */
export interface Ref {
  id: string;
  version: number;
  name: string;
  kind: Kind;
  language: string | null;
}

/** A text while it is written, in the pieces that it came in. */
export interface Draft {
  call: string;
  /** The artifact that it is to be a version of; null where it is to be a new one. */
  artifact: string | null;
  name: string;
  kind: Kind;
  language: string | null;
  pieces: readonly string[];
}

export interface CanvasView {
  open: boolean;
  /** The artifact that is shown, by its id. */
  shown: string | null;
  /** What the agent wrote last. */
  written: Ref | null;
  draft: Draft | null;
  /** Whether the draft has become a version: it stays in view until that one is. */
  drafted: boolean;
  /** Whether nothing more comes of the draft, and no version became of it. */
  cut: boolean;
  /** The artifact that is being edited by the agent. */
  edited: string | null;
}

/** What a message says to the agent beside its words. */
export interface Wish {
  artifactId: string;
  version?: number;
  selection?: { start: number; end: number };
  action?: { name: string; value?: string };
}

export interface KeptCanvas {
  open: boolean;
  shown: string | null;
  written: Ref | null;
}

interface Call {
  tool: string;
  args: Arguments;
  pieces: string[];
}

interface Prediction {
  tool: string;
  tool_argument: string;
}

const EDIT = "edit_artifact";
// What a page that comes in the middle of a draft is not told again.
const KNOWN = { write_artifact: "content" };

/** What an agent does to artifacts in one thread, and which of them the reader has in view. */
export class Canvas {
  readonly listener: AgentSubscriber = {
    onEvent: ({ event }) => this.hear(event),
    onStateChanged: ({ state }) => this.#stateChanged(state as { artifact?: Ref | null }),
  };
  readonly #listeners = new Set<() => void>();
  readonly #keep: () => void;
  readonly #calls = new Map<string, Call>();
  readonly #streamed = new Map<string, string>(Object.entries(KNOWN));
  /** How things stood when this page came, or came back. */
  #stood: readonly Message[] = [];
  #frame: number | null = null;
  #view: CanvasView;

  constructor(kept: KeptCanvas | undefined, keep: () => void) {
    this.#keep = keep;
    this.#view = {
      open: kept?.open ?? false,
      shown: kept?.shown ?? null,
      written: kept?.written ?? null,
      draft: null,
      drafted: false,
      cut: false,
      edited: null,
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): CanvasView => this.#view;

  kept(): KeptCanvas {
    const { open, shown, written } = this.#view;
    return { open: open && shown !== null, shown, written };
  }

  /** What every message says while an artifact is in view. */
  wish(): Wish | null {
    const { open, shown } = this.#view;
    return open && shown !== null ? { artifactId: shown } : null;
  }

  show(id: string): void {
    this.#change({ open: true, shown: id });
    this.#keep();
  }

  open(): void {
    this.#change({ open: true });
    this.#keep();
  }

  close(): void {
    this.#change({ open: false });
    this.#keep();
  }

  /** Takes the draft away that was not finished. */
  discard(): void {
    this.#change({ draft: null, cut: false, open: this.#view.shown !== null });
  }

  /** The artifact is gone: no message is about it any more. */
  forget(id: string): void {
    const { shown, written } = this.#view;
    if (written?.id === id) this.#change({ written: null });
    if (shown === id) this.#change({ shown: null });
    this.#keep();
  }

  /** The version that a draft has become is in view now. */
  settled(): void {
    if (this.#view.drafted) this.#change({ draft: null, drafted: false });
  }

  /** Nothing more comes of what the agent was at. */
  ended(): void {
    this.#calls.clear();
    this.#change({ edited: null });
    if (!this.#view.drafted) this.#drop();
  }

  hear(event: BaseEvent): void {
    switch (event.type) {
      case EventType.CUSTOM:
        this.#predicted(event as CustomEvent);
        return;
      case EventType.MESSAGES_SNAPSHOT:
        this.#stood = (event as MessagesSnapshotEvent).messages;
        return;
      case EventType.TOOL_CALL_START:
        this.#begun(event as ToolCallStartEvent);
        return;
      case EventType.TOOL_CALL_ARGS: {
        const { toolCallId, delta } = event as ToolCallArgsEvent;
        this.#feed(toolCallId, delta);
      }
    }
  }

  #predicted({ name, value }: CustomEvent): void {
    if (name !== "PredictState") return;
    for (const { tool, tool_argument } of value as Prediction[]) this.#streamed.set(tool, tool_argument);
  }

  #begun({ toolCallId, toolCallName }: ToolCallStartEvent): void {
    const streamed = this.#streamed.get(toolCallName);
    if (streamed === undefined && toolCallName !== EDIT) return;
    this.#calls.set(toolCallId, { tool: toolCallName, args: new Arguments(streamed ?? "edits"), pieces: [] });
    // A call that goes on for a page that has come late: its beginning is in how things stood.
    const before = argumentsIn(this.#stood, toolCallId);
    if (before !== undefined) this.#feed(toolCallId, before);
  }

  #feed(id: string, delta: string): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const added = call.args.feed(delta);
    if (call.tool === EDIT) {
      const { artifact } = call.args.known;
      if (typeof artifact === "string" && this.#view.edited !== artifact) this.#change({ edited: artifact });
      return;
    }
    if (added !== "") call.pieces.push(added);
    this.#drafting(id, call);
  }

  #drafting(id: string, { args, pieces }: Call): void {
    const { artifact, name, kind, language } = args.known as Partial<Record<string, string | null>>;
    const draft: Draft = {
      call: id,
      artifact: artifact ?? null,
      name: name ?? "",
      kind: (kind ?? "markdown") as Kind,
      language: language ?? null,
      pieces,
    };
    const begins = this.#view.draft?.call !== id;
    this.#view = { ...this.#view, draft, drafted: false, cut: false };
    if (begins) this.#change({ open: true });
    else this.#frame ??= requestAnimationFrame(() => this.#tell());
  }

  #stateChanged({ artifact }: { artifact?: Ref | null }): void {
    const { written, draft } = this.#view;
    const news = artifact != null && (written?.id !== artifact.id || written.version < artifact.version);
    if (news) {
      // Of an edit of another text than the one in view a reader wants to see as much as of a new one.
      this.#change({
        written: artifact,
        shown: artifact.id,
        open: true,
        drafted: draft !== null,
        cut: false,
        edited: null,
      });
      this.#keep();
    } else if (!this.#view.drafted) this.#drop();
  }

  /** What has come of a new text may be worth keeping; an old one still has its last version. */
  #drop(): void {
    const { draft } = this.#view;
    if (draft === null) return;
    if (draft.artifact === null && draft.pieces.length > 0) this.#change({ cut: true });
    else this.#change({ draft: null });
  }

  #change(change: Partial<CanvasView>): void {
    this.#view = { ...this.#view, ...change };
    this.#tell();
  }

  /** Pieces may come by the hundred per second; they are drawn at most once per frame. */
  #tell(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    for (const listener of this.#listeners) listener();
  }
}

function argumentsIn(messages: readonly Message[], call: string): string | undefined {
  const calls = messages.flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []));
  return calls.find(({ id }) => id === call)?.function.arguments;
}
