import { beforeEach } from "node:test";

/** What of a browser is needed where there is none. */
class Store {
  readonly #kept = new Map<string, string>();
  /** Characters. */
  room = Infinity;

  getItem(name: string): string | null {
    return this.#kept.get(name) ?? null;
  }

  setItem(name: string, text: string): void {
    const others = [...this.#kept].filter(([other]) => other !== name).map(([, kept]) => kept.length);
    if (others.reduce((sum, length) => sum + length, text.length) > this.room) throw new Error("No room");
    this.#kept.set(name, text);
  }

  removeItem(name: string): void {
    this.#kept.delete(name);
  }
}

export let store = new Store();

export interface Asked {
  method: string;
  path: string;
  body: any;
}

type Answering = (asked: Asked) => Response | Promise<Response>;

/** What was asked of the server since the test began. */
export const heard: Asked[] = [];

let answering: Answering = () => new Response(null, { status: 404 });

/** The server says this, until the end of the test. */
export function serve(answer: Answering): void {
  answering = answer;
}

/** What the server has of threads, by path; beside `heard`, for the page asks before each run. */
export const states = new Map<string, object>();

beforeEach(() => {
  store = new Store();
  heard.length = 0;
  states.clear();
  serve(() => new Response(null, { status: 404 }));
  const globals = {
    localStorage: store,
    requestAnimationFrame: (draw: () => void) => setTimeout(draw, 0),
    cancelAnimationFrame: clearTimeout,
    fetch: async (path: string, { method = "GET", body }: RequestInit = {}) => {
      const asked = { method, path, body: typeof body === "string" ? JSON.parse(body) : null };
      if (/^\/api\/v1\/threads\/[^/]+\/state$/.test(path)) return stateAt(path);
      heard.push(asked);
      return answering(asked);
    },
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
});

function stateAt(path: string): Response {
  const state = states.get(path);
  return state === undefined ? json({ code: "thread_not_found" }, 404) : json(state);
}

export const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { "Content-Type": "application/json" } });

/** A run's events, as the server streams them. */
export const streamed = (events: readonly object[]): Response =>
  new Response(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""), {
    headers: { "Content-Type": "text/event-stream" },
  });
