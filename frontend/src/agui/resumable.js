// A `fetch` for AG-UI clients that goes on reading a run where its line broke off.
//
//     new HttpAgent({ url, fetch: resumable() })
//
// The protocol's own client takes the end of a stream for the end of the run, whatever was lost. This one looks whether
// the run said that it has ended; if not, it asks the server for the rest, from the position that it heard last, until
// there is an end. Where there is none to be had, it says so: RUN_ERROR, with the code `connection_lost`. No dependency, for
// the clients 1.0 and 0.0.59, browsers and Node.

/** @typedef {(url: string, request: RequestInit) => Promise<Response>} Fetch */
/** @typedef {Record<string, unknown> & { type: string }} Event */
/** @typedef {Record<string, unknown> & { id: string, role: string }} Message */

const TERMINAL = new Set(["RUN_FINISHED", "RUN_ERROR"]);
/** What begins a thing, what ends it, and the field that names it. @type {[string, string, string][]} */
const PAIRS = [
  ["TEXT_MESSAGE_START", "TEXT_MESSAGE_END", "messageId"],
  ["TOOL_CALL_START", "TOOL_CALL_END", "toolCallId"],
  ["REASONING_START", "REASONING_END", "messageId"],
  ["REASONING_MESSAGE_START", "REASONING_MESSAGE_END", "messageId"],
  ["STEP_STARTED", "STEP_FINISHED", "stepName"],
];
const WAITS = [100, 300, 1000, 2000];
const LONGEST_WAIT = 4000;
/** How often a run is asked for that nobody has answered: somebody waits and wants to know that there is no server. */
const BEGINNINGS = 3;
/** The server says something every 15 seconds; a line on which nothing comes is dead without having been closed. */
const SILENCE = 45_000;

/**
 * @param {{ fetch?: Fetch, patience?: number }} [options] `patience` is how long a run is looked for after its line
 *   broke off, in milliseconds. For as long it goes on at the server without a reader, unless `onDisconnect` in the
 *   run's `forwardedProps` says otherwise; `abortRun()` then stops it there, too.
 * @returns {Fetch}
 */
export function resumable({ fetch: fetching = (url, request) => fetch(url, request), patience = 60_000 } = {}) {
  return async (url, request) => {
    const asked = typeof request.body === "string" ? JSON.parse(request.body) : {};
    // Another's address has no such routes: there is nothing to come back to.
    if (!asked.runId || !url.includes("/chat/")) return fetching(url, request);
    const run = new Run(url, request, asked, fetching, patience);
    const answer = await run.begin();
    if (!answer.ok || answer.body === null || !isStream(answer)) return answer;
    const { status, headers } = answer;
    return new Response(run.whole(answer.body), { status, headers });
  };
}

/** @param {Response} answer */
function isStream(answer) {
  return (answer.headers.get("content-type") ?? "").startsWith("text/event-stream");
}

/** One run as its reader hears it, over as many lines as it takes. */
class Run {
  /**
   * @param {string} url
   * @param {RequestInit} request
   * @param {{ runId: string, threadId: string, protocolVersion?: string, messages?: Message[],
   *   forwardedProps?: Record<string, unknown> }} asked
   * @param {Fetch} fetching
   * @param {number} patience
   */
  constructor(url, request, asked, fetching, patience) {
    const { runId, threadId, protocolVersion, messages, forwardedProps } = asked;
    const chosen = forwardedProps?.onDisconnect !== undefined;
    const stays = { ...asked, forwardedProps: { ...forwardedProps, onDisconnect: Math.ceil(patience / 1000) } };
    const dialect = protocolVersion ? `?protocolVersion=${encodeURIComponent(protocolVersion)}` : "";
    const [base] = url.split("/chat/");
    const own = `${base}/runs/${encodeURIComponent(runId)}`;
    this.url = url;
    this.request = chosen ? request : { ...request, body: JSON.stringify(stays) };
    this.signal = request.signal ?? null;
    this.headers = new Headers(request.headers);
    this.headers.delete("content-type");
    this.fetching = fetching;
    this.patience = patience;
    this.id = runId;
    this.messages = messages ?? [];
    this.events = `${own}/events${dialect}`;
    this.thread = `${base}/threads/${encodeURIComponent(threadId)}/events${dialect}`;
    /** Up to where all has been heard. @type {string | null} */
    this.position = null;
    /** The position of what was told at once of how things stand: half of it is nothing. @type {string | null} */
    this.told = null;
    /** @type {string | null} */
    this.previous = null;
    this.started = false;
    /** Whether it was just told again that the run has started. */
    this.anew = false;
    this.ended = false;
    /** What has begun and not ended, by what would end it. @type {Map<string, object>} */
    this.open = new Map();
    /** How often it was looked for since it was last heard of, and until when it is. */
    this.attempt = 0;
    this.until = 0;
    /** @type {ReadableStreamDefaultReader<Uint8Array> | null} */
    this.line = null;
    this.left = false;
    if (!chosen) this.signal?.addEventListener("abort", () => this.#stop(own), { once: true });
  }

  /** The same request again is the same run. */
  async begin() {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.fetching(this.url, this.request);
      } catch (error) {
        if (this.signal?.aborted || attempt === BEGINNINGS) throw error;
      }
      await pause(WAITS[attempt] ?? LONGEST_WAIT, this.signal);
      this.signal?.throwIfAborted();
    }
  }

  /** @param {string} own */
  #stop(own) {
    if (this.ended) return;
    // Whoever aborts has stopped listening: where the server does not hear of it, the run's own time will end it.
    this.fetching(`${own}/cancel`, { method: "POST", headers: this.headers, keepalive: true }).catch(() => undefined);
  }

  /** @param {ReadableStream<Uint8Array>} body */
  whole(body) {
    const frames = this.#told(body);
    const encoder = new TextEncoder();
    const leave = () => {
      this.left = true;
      return this.line?.cancel().catch(() => undefined);
    };
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await frames.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: leave,
    });
  }

  /**
   * @param {ReadableStream<Uint8Array>} body
   * @returns {AsyncGenerator<string, void, undefined>}
   */
  async *#told(body) {
    try {
      yield* this.#frames(body);
    } catch (error) {
      // Not as a stream that fails: the client 1.0 leaves such an error to nobody, of which Node.js dies.
      if (!(error instanceof Lost)) throw error;
      yield framed({ type: "RUN_ERROR", message: error.message, code: "connection_lost" });
    }
  }

  /**
   * @param {ReadableStream<Uint8Array>} first
   * @returns {AsyncGenerator<string, void, undefined>}
   */
  async *#frames(first) {
    let body = first;
    for (;;) {
      this.line = body.getReader();
      try {
        for await (const frame of split(this.line)) yield* this.#heard(frame);
      } catch (error) {
        if (this.signal?.aborted || error instanceof Lost) throw error;
      }
      if (this.ended || this.left) return;
      body = await this.#again();
    }
  }

  /** @param {string} frame */
  *#heard(frame) {
    const lines = frame.split("\n");
    const data = lines.find((line) => line.startsWith("data: "));
    const position = lines.find((line) => line.startsWith("id: "))?.slice("id: ".length);
    if (data === undefined) {
      yield `${frame}\n\n`;
      return;
    }
    const event = JSON.parse(data.slice("data: ".length));
    this.attempt = 0;
    if (event.type === "RUN_STARTED") {
      if (event.runId !== this.id) throw new Lost("Another run has started in this thread.");
      this.told = position ?? null;
    }
    if (position !== undefined && position !== this.told) this.position = position;
    const anew = event.type === "RUN_STARTED" && this.started;
    // Nothing of what was said stands: the run was begun again.
    if (this.anew && event.type !== "MESSAGES_SNAPSHOT") yield framed({ type: "MESSAGES_SNAPSHOT", messages: this.messages });
    if (anew) yield* this.#close();
    else yield this.#taken(event, frame);
    this.anew = anew;
    this.previous = event.type;
  }

  /**
   * The frame as the client is to have it.
   * @param {Event} event
   * @param {string} frame
   */
  #taken(event, frame) {
    this.#note(event);
    if (event.type !== "MESSAGES_SNAPSHOT" || this.previous !== "RUN_STARTED") return `${frame}\n\n`;
    // Of a log that was folded: it knows what this run said, and nothing of what was before.
    const messages = joined(this.messages, /** @type {Message[]} */ (event.messages));
    return framed({ ...event, messages });
  }

  /** What comes now says how things stand, and opens anew what is open. */
  *#close() {
    for (const end of [...this.open.values()].reverse()) yield framed(end);
    this.open.clear();
  }

  /** @param {Event} event */
  #note(event) {
    if (event.type === "RUN_STARTED") this.started = true;
    if (TERMINAL.has(event.type)) this.ended = true;
    for (const [start, end, name] of PAIRS) {
      if (event.type === start) this.open.set(`${end} ${event[name]}`, { type: end, [name]: event[name] });
      if (event.type === end) this.open.delete(`${end} ${event[name]}`);
    }
  }

  /** The rest of the run. It is looked for until there is one, or it is said that there will be none. */
  async #again() {
    if (this.attempt === 0) this.until = Date.now() + this.patience;
    for (; Date.now() < this.until; ) {
      await pause(WAITS[this.attempt++] ?? LONGEST_WAIT, this.signal);
      this.signal?.throwIfAborted();
      try {
        const answer = await this.#rest();
        if (answer.ok && answer.body !== null) return answer.body;
        // A run that nobody knows will not be known later either; what is away may come back.
        if (answer.status < 500) break;
      } catch (error) {
        if (this.signal?.aborted) throw error;
      }
    }
    throw new Lost("The connection was lost before the answer was complete.");
  }

  async #rest() {
    const headers = new Headers(this.headers);
    if (this.position !== null) headers.set("Last-Event-ID", this.position);
    const answer = await this.fetching(this.events, { headers, signal: this.signal });
    if (answer.status !== 503) return answer;
    // Its log is gone, perhaps with the process that drove it: its thread can tell how it ended, once it has.
    await answer.body?.cancel();
    return this.fetching(this.thread, { headers: this.headers, signal: this.signal });
  }
}

/** There is no rest to be had. */
class Lost extends Error {}

/** @param {object} event */
function framed(event) {
  return `data: ${JSON.stringify(event)}\n\n`;
}

/**
 * @param {Message[]} before
 * @param {Message[]} said
 */
function joined(before, said) {
  // No run says what a person said: then it is the whole thread.
  if (said.some(({ role }) => role === "user")) return said;
  const newer = new Map(said.map((message) => [message.id, message]));
  const held = new Set(before.map(({ id }) => id));
  return [...before.map((message) => newer.get(message.id) ?? message), ...said.filter(({ id }) => !held.has(id))];
}

/**
 * Whole frames, without the empty line that ends them; what a line that broke off leaves of one is dropped.
 * @param {ReadableStreamDefaultReader<Uint8Array>} line
 */
async function* split(line) {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await heard(line);
      if (done) return;
      const frames = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = frames.pop() ?? "";
      yield* frames;
    }
  } finally {
    await line.cancel().catch(() => undefined);
  }
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} line */
async function heard(line) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("The server sent nothing for too long.")), SILENCE);
  });
  try {
    return await Promise.race([line.read(), /** @type {Promise<never>} */ (silence)]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal | null} signal
 */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      resolve(undefined);
    };
    const timer = setTimeout(stop, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
