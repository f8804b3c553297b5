import { HttpAgent, randomUUID } from "@ag-ui/client";
import type { Interrupt, Message, ResumeEntry } from "@ag-ui/client";

import { resumable } from "../agui/resumable.js";
import { cancelRun, chatUrl, threadEventsUrl, threadState } from "../api";
import type { ThreadState } from "../api";
import { Canvas } from "../canvas/canvas";
import type { Wish } from "../canvas/canvas";
import { cutOff, failureOf, failureOfRun } from "../failure";
import type { Failure } from "../failure";
import { choiceOf, forwarded } from "./choice";
import type { Choice } from "./choice";
import { entriesOf, REMARK, REPLY, STOPPED } from "./entries";
import type { Entry } from "./entries";
import { Opinions } from "./opinions";
import { reconcile } from "./reconcile";
import { keep, recall } from "./shelf";
import type { KeptThread } from "./shelf";

/** What the page shows of a thread at one moment. */
export interface View {
  choice: Choice;
  entries: readonly Entry[];
  running: boolean;
  interrupts: readonly Interrupt[];
  failure: Failure | null;
  /** The failed message never reached an agent, so that its text may be edited and sent again. */
  editable: boolean;
}

/** One run as this page saw it: where it began, and how it ended. */
interface Attempt {
  runId: string;
  before: Message[];
  resume: ResumeEntry[] | null;
  /** What was said to the canvas. */
  wish: Wish | null;
  started: boolean;
  finished: boolean;
  stopped: boolean;
  failure: Failure | null;
  /** What the agent says about this answer, beside it. */
  remarks: Remark[];
}

interface Remark {
  code: string;
  message: string;
}

const leftEarly: Failure = {
  title: "The answer was interrupted",
  detail: "You left the page before the answer was complete. The part received so far is shown above.",
  fields: [],
  code: "left_early",
};

const resuming = resumable();

/** A conversation with one agent: drives the AG-UI client and shows React one frozen view per frame. */
export class Thread {
  readonly id: string;
  readonly canvas: Canvas;
  readonly opinions: Opinions;
  readonly #agent: HttpAgent;
  /** Tells what this tab has stored from what another has. */
  readonly #tab = randomUUID();
  readonly #listeners = new Set<() => void>();
  #choice: Choice;
  #attempt: Attempt | null = null;
  #joining = false;
  #running = false;
  #frame: number | null = null;
  #view: View;

  constructor(id: string, kept: KeptThread) {
    this.id = id;
    this.#choice = choiceOf(kept);
    this.#agent = new HttpAgent({
      url: chatUrl(kept.agentId),
      threadId: id,
      initialMessages: kept.messages,
      fetch: (url, request) => this.#fetch(url, request),
    });
    this.#agent.pendingInterrupts = kept.interrupts;
    this.canvas = new Canvas(kept.canvas, () => this.#keepNewest());
    this.opinions = new Opinions(kept.opinions, () => this.#keepNewest());
    this.#agent.subscribe(this.canvas.listener);
    this.#agent.subscribe({ onMessagesChanged: () => this.#showSoon() });
    // An answer to a question of the agent is not kept: it is asked again, and that is the retry.
    if (kept.failure !== null && kept.interrupts.length === 0) {
      const before = upToLastQuestion(kept.messages);
      const started = before.length < kept.messages.length;
      this.#attempt = { ...attemptFrom(before, null, this.canvas.wish()), started, failure: kept.failure };
    }
    this.#view = this.#seen([]);
    if (kept.failure?.code === leftEarly.code) this.#rejoin();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): View => this.#view;

  readonly isRunning = (): boolean => this.#view.running;

  choose(choice: Partial<Choice>): void {
    this.#choice = { ...this.#choice, ...choice };
    this.#agent.url = chatUrl(this.#choice.agentId);
    this.#show();
    this.#keepNewest();
  }

  /** Takes over what other tabs and devices have added to the thread. */
  async refresh(): Promise<void> {
    if (this.#running) return;
    this.#adoptStored();
    this.#show();
    const attempt = this.#attempt;
    let state: ThreadState | null;
    try {
      state = await threadState(this.id);
    } catch {
      // Without a server the page shows what this browser stored; a message is not sent before the server was asked.
      return;
    }
    // A run that has begun meanwhile has asked for itself.
    if (state === null || this.#running || this.#attempt !== attempt) return;
    this.#adopt(state);
    this.#show();
  }

  /** What is in view is what a message is about, where `wish` says nothing else. */
  send(text: string, wish: Wish | null = this.canvas.wish()): void {
    if (this.#running) return;
    this.#adoptStored();
    this.#agent.addMessage({ id: randomUUID(), role: "user", content: text });
    void this.#run(null, wish);
  }

  /** Answers every open question of the agent, or declines them all where `answers` is null. */
  reply(answers: readonly string[] | null): void {
    if (this.#running) return;
    const open = this.#agent.pendingInterrupts;
    open.forEach((interrupt, index) =>
      this.#agent.addMessage({
        id: randomUUID(),
        role: "activity",
        activityType: REPLY,
        content: {
          asked: interrupt.message ?? interrupt.reason,
          text: answers?.[index] ?? "",
          declined: answers === null,
        },
      }),
    );
    void this.#run(
      open.map((interrupt, index) =>
        answers === null
          ? { interruptId: interrupt.id, status: "cancelled" }
          : { interruptId: interrupt.id, status: "resolved", payload: answers[index] },
      ),
      null,
    );
  }

  /** Runs the failed attempt again, without what it had written. */
  retry(): void {
    if (this.#running || this.#attempt === null) return;
    const { before, resume, wish } = this.#attempt;
    const seen = [...this.#agent.messages];
    this.#agent.setMessages(before);
    void this.#run(resume, wish, before, seen);
  }

  /** Takes the refused message out of the conversation and gives back its text. */
  takeBack(): string {
    const question = this.#view.entries.findLast((entry) => entry.kind === "question");
    this.#agent.setMessages((this.#attempt?.before ?? []).filter(({ id }) => id !== question?.id));
    this.#attempt = null;
    this.#show();
    this.#keep();
    return question?.text ?? "";
  }

  stop(): void {
    if (this.#attempt === null || !this.#running) return;
    this.#attempt.stopped = true;
    // The run ends in words, for every tab; where the server does not answer, this one hangs up.
    cancelRun(this.#attempt.runId).catch(() => this.#agent.abortRun());
  }

  /** Goes on with what came while the page was away. */
  #rejoin(): void {
    this.#joining = true;
    void this.#run(null, null, upToLastQuestion([...this.#agent.messages]));
  }

  /** A request for a run, or for the rest of one that was left. */
  #fetch(url: string, request: RequestInit): Promise<Response> {
    if (!this.#joining) return resuming(url, request);
    this.#joining = false;
    return fetch(threadEventsUrl(this.id), { signal: request.signal ?? null });
  }

  /** The page goes, and the request with it: what has arrived is kept. */
  leave(): void {
    if (this.#running && this.#attempt !== null) this.#attempt.failure = leftEarly;
    this.#keepNewest();
  }

  /** Stores the thread, but never over messages that another tab has added since. */
  #keepNewest(): void {
    this.#adoptStored();
    this.#keep();
  }

  #adoptStored(): void {
    const stored = this.#running ? undefined : recall(this.id);
    if (stored === undefined || stored.tab === this.#tab) return;
    this.#adopt(stored);
  }

  /** A failure that is followed by something else by now is none any more. */
  #adopt({ messages, interrupts }: ThreadState): void {
    const local = [...this.#agent.messages];
    this.#agent.pendingInterrupts = interrupts;
    this.#agent.setMessages(reconcile(local, messages));
    const attempt = this.#attempt;
    if (attempt === null || !hasUnseen(messages, local)) return;
    const question = attempt.before.findLast(({ role }) => role === "user");
    const received = attempt.resume !== null || messages.some(({ id }) => id === question?.id);
    this.#attempt = received ? null : { ...attempt, before: upToLastQuestion([...this.#agent.messages]) };
  }

  #keep(): void {
    if (this.#agent.messages.length === 0) return;
    keep(this.id, {
      ...this.#choice,
      tab: this.#tab,
      messages: this.#agent.messages,
      interrupts: this.#agent.pendingInterrupts,
      failure: this.#running ? leftEarly : (this.#attempt?.failure ?? null),
      canvas: this.canvas.kept(),
      opinions: this.opinions.kept(this.#agent.messages.map(({ id }) => id)),
    });
  }

  /**
   * Asks the server for the thread, so that `attempt` continues it and not an older copy. False where nothing is left to
   * ask for: the attempt's message has been answered elsewhere, beyond what is in `seen`.
   */
  async #isNeeded(attempt: Attempt, seen: readonly Message[]): Promise<boolean> {
    const state = await threadState(this.id);
    if (state === null) return true;
    const open = new Set(state.interrupts.map(({ id }) => id));
    const answered = attempt.resume?.some(({ interruptId }) => !open.has(interruptId)) ?? false;
    const question = attempt.before.findLast(({ role }) => role === "user");
    const at = attempt.resume === null ? state.messages.findIndex(({ id }) => id === question?.id) : -1;
    const needed = !answered && (at === -1 || !hasUnseen(state.messages.slice(at), seen));
    const before = answered ? withoutReplies(attempt.before) : attempt.before;
    const continued = needed && at !== -1 ? state.messages.slice(0, at + 1) : state.messages;
    this.#agent.setMessages(reconcile(before, continued));
    this.#agent.pendingInterrupts = state.interrupts;
    attempt.before = [...this.#agent.messages];
    return needed;
  }

  async #run(
    resume: ResumeEntry[] | null,
    wish: Wish | null,
    before = [...this.#agent.messages],
    seen: readonly Message[] = before,
  ): Promise<void> {
    const attempt = attemptFrom(before, resume, wish);
    const joining = this.#joining;
    this.#attempt = attempt;
    this.#running = true;
    this.#show();
    this.#keep();
    try {
      if (!joining && !(await this.#isNeeded(attempt, seen))) return this.#end(null);
      if (attempt.stopped) throw new Error("Stopped before the message was sent");
      await this.#agent.runAgent(
        {
          runId: attempt.runId,
          forwardedProps: forwarded(this.#choice, wish),
          ...(resume === null ? {} : { resume }),
        },
        {
          onRunStartedEvent: ({ event }) => {
            attempt.started = true;
            attempt.runId = event.runId;
          },
          onRunFinishedEvent: ({ outcome }) => {
            attempt.finished = true;
            attempt.failure = null;
            attempt.stopped = outcome === "cancelled";
          },
          onCustomEvent: ({ event }) => {
            if (event.name === "notice") attempt.remarks.push(event.value as Remark);
          },
          onRunErrorEvent: ({ event }) => {
            attempt.failure ??= failureOfRun(event);
          },
        },
      );
      // The client takes the end of the stream for the end of the run, whether the server said so or not.
      if (!attempt.finished) attempt.failure ??= cutOff;
    } catch (error) {
      // The message never arrived, or its server has been forgotten since: then it was left, and no more is known.
      attempt.failure ??= joining ? leftEarly : failureOf(error);
    }
    for (const remark of attempt.remarks) this.#markRemark(remark);
    if (attempt.stopped) this.#markStopped(attempt);
    this.#markAnswers(attempt);
    this.canvas.ended();
    this.#end(attempt);
  }

  #end(attempt: Attempt | null): void {
    this.#attempt = attempt;
    this.#running = false;
    this.#show();
    this.#keep();
  }

  /** Each is said once in a thread: what holds for one answer tends to hold for the next. */
  #markRemark({ code, message }: Remark): void {
    const id = `${REMARK}-${code}`;
    if (this.#agent.messages.some((known) => known.id === id)) return;
    this.#agent.addMessage({ id, role: "activity", activityType: REMARK, content: { message } });
  }

  /** Whoever says what they think of an answer says of which run. */
  #markAnswers({ runId, before, started }: Attempt): void {
    // Until then the id is made up here, and a run that was left has another.
    if (!started) return;
    const known = new Set(before.map(({ id }) => id));
    const news = this.#agent.messages.filter(({ id, role }) => role === "assistant" && !known.has(id));
    this.opinions.came(
      news.map(({ id }) => id),
      runId,
    );
  }

  /** A run that the reader stopped ends as an error of the aborted request, which is not one to them. */
  #markStopped(attempt: Attempt): void {
    attempt.failure = null;
    this.#agent.addMessage({ id: randomUUID(), role: "activity", activityType: STOPPED, content: {} });
  }

  /** Events may come by the hundred per second; the page is drawn at most once per frame. */
  #showSoon(): void {
    this.#frame ??= requestAnimationFrame(() => this.#show());
  }

  #show(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    this.#view = this.#seen(this.#view.entries);
    for (const listener of this.#listeners) listener();
  }

  #seen(previous: readonly Entry[]): View {
    const attempt = this.#running ? null : this.#attempt;
    const failure = attempt?.failure ?? null;
    return {
      choice: this.#choice,
      entries: entriesOf(this.#agent.messages, previous),
      running: this.#running,
      interrupts: this.#running ? [] : this.#agent.pendingInterrupts,
      failure,
      editable: failure !== null && attempt?.started === false && attempt.resume === null,
    };
  }
}

function attemptFrom(before: Message[], resume: ResumeEntry[] | null, wish: Wish | null): Attempt {
  return {
    runId: randomUUID(),
    before,
    resume,
    wish,
    started: false,
    finished: false,
    stopped: false,
    failure: null,
    remarks: [],
  };
}

function upToLastQuestion(messages: Message[]): Message[] {
  return messages.slice(0, messages.findLastIndex(({ role }) => role === "user") + 1);
}

const hasUnseen = (messages: readonly Message[], seen: readonly Message[]): boolean => {
  const known = new Set(seen.map(({ id }) => id));
  return messages.some(({ id }) => !known.has(id));
};

function withoutReplies(messages: readonly Message[]): Message[] {
  const last = messages.findLastIndex((message) => message.role !== "activity" || message.activityType !== REPLY);
  return messages.slice(0, last + 1);
}
