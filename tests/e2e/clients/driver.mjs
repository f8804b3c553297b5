// Plays scenarios with real clients: each line of stdin is one, in JSON, and is answered by a line of stdout.
// tests/e2e/scenario.py is its other half.
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { format } from "node:util";

import { resumable } from "../../../frontend/src/agui/resumable.js";

const PACKAGES = { "1.0.0": "agui-new", "0.0.59": "agui-old" };

let warnings = [];
console.warn = (...said) => warnings.push(format(...said));

/** A client's agent, and a copy of what travels between it and the server. */
class Recorded {
  constructor(HttpAgent, url, opened) {
    this.opened = opened;
    // With `patience`, in milliseconds, runs are read on where their line stopped before its answer was complete.
    this.fetching = opened.patience ? resumable({ patience: opened.patience }) : fetch;
    this.client = new HttpAgent({
      url: `${url}/api/v1/chat/${opened.agent}`,
      threadId: opened.thread,
      initialMessages: opened.messages,
      initialState: opened.state,
      fetch: (url, request) => this.fetch(url, request),
    });
  }

  async fetch(url, request) {
    this.sent = JSON.parse(request.body);
    const answer = await this.fetching(url, request);
    this.copied = this.copy(answer.clone());
    return answer;
  }

  async copy({ body }) {
    const decoder = new TextDecoder();
    try {
      for await (const bytes of body) this.received += decoder.decode(bytes, { stream: true });
    } catch ({ name }) {
      if (name !== "AbortError" && !this.opened.patience) throw new Error(`the stream broke off: ${name}`);
    }
  }

  /** The events as the server wrote them, whatever the client made of them. */
  get wire() {
    const frames = this.received.split("\n\n").slice(0, -1);
    const lines = frames.flatMap((frame) => frame.split("\n")).filter((line) => line.startsWith("data: "));
    return lines.map((line) => JSON.parse(line.slice("data: ".length)));
  }

  get kept() {
    const { messages, state, pendingInterrupts } = this.client;
    return structuredClone({ messages, state, pendingInterrupts });
  }

  async run({ answers, abort, ...parameters }) {
    Object.assign(this, { sent: null, received: "", copied: null });
    if (answers) parameters.resume = this.resumed(answers);
    const seen = [];
    const onEvent = ({ event }) => {
      seen.push(structuredClone(event));
      const reached = seen.filter(({ type }) => type === abort?.type).length;
      if (event.type === abort?.type && reached === abort.count) this.client.abortRun();
    };
    let failure = null;
    try {
      await this.client.runAgent(parameters, { onEvent });
    } catch ({ message, status = null }) {
      failure = { message, status };
    }
    await this.copied;
    return { sent: this.sent, wire: this.wire, seen, failure, ...this.kept };
  }

  /** Answers to the questions that the client knows of, given by what is asked; `*` is for all others. */
  resumed(answers) {
    const asked = this.client.pendingInterrupts.map(({ id, message }) => [id, answers[message] ?? answers["*"]]);
    return asked.filter(([, answer]) => answer).map(([id, answer]) => ({ interruptId: id, ...answer }));
  }
}

/** The agent objects of one scenario, by the names that it gives them. */
class Scene {
  constructor(HttpAgent, url) {
    this.agents = new Map();
    this.open = (name, opened) => this.agents.set(name, new Recorded(HttpAgent, url, opened));
  }

  prepared({ name, open, reload, edit, cut, add }) {
    if (open) this.open(name, open);
    // As a page does it: another object, with what was stored of the one before.
    if (reload) this.open(name, { ...this.agents.get(name).opened, ...this.agents.get(name).kept });
    const recorded = this.agents.get(name);
    const { client } = recorded;
    if (edit) client.setMessages(client.messages.with(edit.at, { ...client.messages[edit.at], content: edit.content }));
    if (cut) client.setMessages(client.messages.slice(0, cut));
    if (add) client.addMessages(add);
    return recorded;
  }

  /** One step is one run. A thread that is busy is asked again for as long as there is `patience`, in seconds. */
  async play({ patience, run, ...step }) {
    const recorded = this.prepared(step);
    const began = performance.now();
    for (;;) {
      const waited = (performance.now() - began) / 1000;
      const told = await recorded.run(run);
      if (told.failure?.status !== 409 || waited > patience) return { ...told, waited };
      await pause(20);
    }
  }
}

async function played({ generation, url, steps }) {
  const { HttpAgent } = await import(PACKAGES[generation]);
  const scene = new Scene(HttpAgent, url);
  warnings = [];
  const runs = [];
  for (const step of steps) {
    runs.push(...(await Promise.all([step].flat().map((each) => scene.play(each)))));
  }
  return { runs, warnings };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await played(JSON.parse(line)))}\n`);
}
