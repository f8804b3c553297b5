import type { Message } from "@ag-ui/client";
import assert from "node:assert/strict";
import { test } from "node:test";

import { among } from "../src/chat/choice";
import { key } from "../src/chat/entries";
import { Opinions, sayAgain } from "../src/chat/opinions";
import { recall } from "../src/chat/shelf";
import type { KeptThread } from "../src/chat/shelf";
import { Thread } from "../src/chat/thread";
import { heard, json, serve, states, streamed } from "./browser";
import type { Asked } from "./browser";

const EMPTY: KeptThread = {
  agentId: "chat",
  model: "",
  quality: "advise",
  messages: [],
  interrupts: [],
  failure: null,
};

const answered = (id: string) => [
  { type: "TEXT_MESSAGE_START", messageId: id, role: "assistant" },
  { type: "TEXT_MESSAGE_CONTENT", messageId: id, delta: "Lyon." },
  { type: "TEXT_MESSAGE_END", messageId: id },
];
const reviewed = (id: string, stage: string, verdict?: object) => ({
  type: "ACTIVITY_SNAPSHOT",
  messageId: `${id}-review`,
  activityType: "review",
  content: { messageId: id, stage, attempt: 1, ...(verdict && { verdict }) },
  replace: true,
});
const FAILED = { outcome: "failed", score: 2.5, findings: [] };

function run({ body }: Asked, events: readonly object[], end: object = { type: "RUN_FINISHED" }): Response {
  const { threadId, runId } = body as { threadId: string; runId: string };
  return streamed([{ type: "RUN_STARTED", threadId, runId }, ...events, { threadId, runId, ...end }]);
}

const ended = (thread: Thread): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (thread.isRunning()) return;
      leave();
      resolve();
    };
    const leave = thread.subscribe(look);
  });

async function said(thread: Thread, text: string): Promise<void> {
  thread.send(text);
  await ended(thread);
}

const shown = (thread: Thread): string[] =>
  thread.view().entries.map((entry) => (entry.kind === "question" ? entry.text : key(entry)));

test("a review is shown and kept, and never sent to the server", async () => {
  const thread = new Thread("t", EMPTY);
  const told = [reviewed("m1", "checking"), ...answered("m1"), reviewed("m1", "done", FAILED)];
  serve((asked) => run(asked, heard.length === 1 ? told : answered("m2")));
  await said(thread, "One");
  await said(thread, "Two");
  assert.deepEqual(shown(thread), ["One", "answer:m1", "review:m1-review", "Two", "answer:m2"]);
  assert.deepEqual(
    heard.map(({ path, body }) => [path, body.forwardedProps.reviewMode, body.messages.map(({ role }: Message) => role)]),
    [
      ["/api/v1/chat/chat", "advise", ["user"]],
      ["/api/v1/chat/chat", "advise", ["user", "assistant", "user"]],
    ],
  );
  assert.deepEqual(shown(new Thread("t", recall("t") ?? EMPTY)), shown(thread));
});

test("a retry drops the review with its answer", async () => {
  const thread = new Thread("t", EMPTY);
  const broken = { type: "RUN_ERROR", message: "The model is away.", code: "model_unavailable" };
  serve((asked) =>
    heard.length === 1 ? run(asked, [...answered("m1"), reviewed("m1", "judging")], broken) : run(asked, answered("m2")),
  );
  await said(thread, "One");
  assert.deepEqual(shown(thread), ["One", "answer:m1", "review:m1-review"]);
  assert.equal(thread.view().failure?.code, "model_unavailable");
  thread.retry();
  await ended(thread);
  assert.deepEqual(shown(thread), ["One", "answer:m2"]);
  assert.equal(thread.view().failure, null);
});

test("a page that comes back hears the verdict of the run that it left", async () => {
  const review = { id: "m1-review", role: "activity", activityType: "review", content: { stage: "judging", messageId: "m1" } };
  const left = { title: "", detail: "", fields: [], code: "left_early" };
  const messages = [
    { id: "q", role: "user", content: "One" },
    { id: "m1", role: "assistant", content: "Lyon." },
  ] as const;
  serve(() =>
    streamed([
      { type: "RUN_STARTED", threadId: "t", runId: "r" },
      { type: "MESSAGES_SNAPSHOT", messages },
      reviewed("m1", "done", FAILED),
      { type: "RUN_FINISHED", threadId: "t", runId: "r" },
    ]),
  );
  const thread = new Thread("t", { ...EMPTY, failure: left, messages: [...messages, review as Message] });
  await ended(thread);
  assert.deepEqual(
    heard.map(({ path }) => path),
    ["/api/v1/threads/t/events?protocolVersion=1.0"],
  );
  const last = thread.view().entries.at(-1);
  assert.equal(last?.kind === "review" && last.review.verdict?.outcome, "failed");
  assert.deepEqual(recall("t")?.opinions, { said: {}, runs: { m1: "r" } });
});

test("a run that is not found again is no run of an answer", async () => {
  const left = { title: "", detail: "", fields: [], code: "left_early" };
  const messages: Message[] = [
    { id: "q", role: "user", content: "One" },
    { id: "m1", role: "assistant", content: "Lyon." },
  ];
  const runs: (object | undefined)[] = [];
  for (const before of [{}, { m1: "r" }]) {
    const thread = new Thread("t", { ...EMPTY, failure: left, messages, opinions: { said: {}, runs: before } });
    await ended(thread);
    assert.equal(thread.view().failure?.code, "left_early");
    runs.push(recall("t")?.opinions?.runs);
  }
  assert.deepEqual(runs, [{}, { m1: "r" }]);
});

test("a thread asks for what its agent does by itself, and for nothing else once a person chose", async () => {
  const thread = new Thread("t", { ...EMPTY, agentId: "", quality: undefined });
  const chat = { id: "chat", name: "Chat", description: "", available: true, reviewMode: "advise" };
  serve((asked) => run(asked, answered(`m${heard.length}`)));
  thread.choose(among([chat], thread.view().choice));
  await said(thread, "One");
  thread.choose({ quality: "off" });
  await said(thread, "Two");
  const again = new Thread("t", recall("t") ?? EMPTY);
  again.choose(among([chat], again.view().choice));
  await said(again, "Three");
  assert.deepEqual(
    heard.map(({ path, body }) => [path, body.forwardedProps.reviewMode]),
    ["advise", "off", "off"].map((quality) => ["/api/v1/chat/chat", quality]),
  );
});

test("an opinion is said of the answer and its run, kept, and taken back", async () => {
  const thread = new Thread("t", EMPTY);
  serve((asked) => (asked.method === "POST" ? run(asked, answered("m/1")) : json({})));
  await said(thread, "One");
  const runId = heard[0]?.body.runId as string;
  await thread.opinions.say("m/1", { thumb: "down", comment: "It is Paris." });
  assert.deepEqual(heard.at(-1), {
    method: "PUT",
    path: "/api/v1/messages/m%2F1/feedback",
    body: { thumb: "down", comment: "It is Paris.", runId },
  });
  assert.deepEqual(recall("t")?.opinions?.said, { "m/1": { thumb: "down", comment: "It is Paris." } });
  serve(() => new Response(null, { status: 204 }));
  await thread.opinions.takeBack("m/1");
  assert.equal(heard.at(-1)?.method, "DELETE");
  assert.deepEqual(recall("t")?.opinions?.said, {});
});

test("what the server did not take is not kept, and what it does not know is gone", async () => {
  let kept = 0;
  const opinions = new Opinions({ said: { a: { thumb: "up" } }, runs: {} }, () => (kept += 1));
  serve(() => json({ title: "Away" }, 503));
  await assert.rejects(opinions.say("a", { thumb: "down" }), { status: 503 });
  await assert.rejects(opinions.takeBack("a"), { status: 503 });
  assert.deepEqual([opinions.of("a"), kept], [{ thumb: "up" }, 0]);
  serve(() => json({ code: "feedback_not_found" }, 404));
  await opinions.takeBack("a");
  assert.deepEqual([opinions.of("a"), kept], [undefined, 1]);
});

test("opinions of answers that are not in the thread any more are let go", () => {
  const all = { said: { a: { thumb: "up" as const }, b: { thumb: "down" as const } }, runs: { a: "1", b: "2" } };
  assert.deepEqual(new Opinions(all, () => undefined).kept(["b"]), { said: { b: all.said.b }, runs: { b: "2" } });
});

test("a comment that is being written is held until it is sent, and not kept", async () => {
  let kept = 0;
  const opinions = new Opinions({ said: { a: { thumb: "down" } }, runs: {} }, () => (kept += 1));
  opinions.draft("a", "It is Par");
  assert.deepEqual([opinions.draftOf("a"), opinions.draftOf("b"), kept], ["It is Par", undefined, 0]);
  assert.deepEqual(opinions.kept(["a"]), { said: { a: { thumb: "down" } }, runs: {} });
  serve(() => json({ title: "Away" }, 503));
  await assert.rejects(opinions.say("a", { thumb: "down", comment: "It is Par" }), { status: 503 });
  assert.equal(opinions.draftOf("a"), "It is Par");
  serve(() => {
    opinions.draft("a", "It is Paris. ");
    return json({});
  });
  await opinions.say("a", { thumb: "down", comment: "It is Par" });
  assert.equal(opinions.draftOf("a"), "It is Paris. ");
  await opinions.say("a", { thumb: "down", comment: "It is Paris." });
  assert.equal(opinions.draftOf("a"), undefined);
});

test("with an opinion that changes its comment is let go", async () => {
  const opinions = new Opinions(undefined, () => undefined);
  serve(() => json({}));
  const deeds = [
    () => opinions.dropDraft("a"),
    () => opinions.say("a", { thumb: "up" }),
    () => opinions.takeBack("a"),
  ];
  for (const deed of deeds) {
    opinions.draft("a", "It is Par");
    await deed();
    assert.equal(opinions.draftOf("a"), undefined);
  }
});

test("what is said again has the comment as it stands by now", () => {
  const failed = { thumb: "down", comment: "It is Par" } as const;
  assert.deepEqual(sayAgain(failed, " It is Paris. "), { thumb: "down", comment: "It is Paris." });
  assert.deepEqual(sayAgain({ thumb: "down" }, "It is Paris."), { thumb: "down", comment: "It is Paris." });
  assert.deepEqual(sayAgain(failed, " "), { thumb: "down" });
  assert.deepEqual(sayAgain(failed, null), failed);
  assert.deepEqual(sayAgain({ thumb: "up" }, "It is Paris."), { thumb: "up" });
  assert.equal(sayAgain(null, "It is Paris."), null);
});

const user = (id: string): Message => ({ id, role: "user", content: id });
const assistant = (id: string): Message => ({ id, role: "assistant", content: id });
const interrupt = { id: "i1", reason: "confirm", message: "Really?" };
const serverHas = (messages: Message[], interrupts: object[] = []): unknown =>
  states.set("/api/v1/threads/t/state", { messages, interrupts });
const sent = (): string[] => heard.at(-1)?.body.messages.map(({ content }: Message) => content);

test("a thread that is opened shows what the server has of it", async () => {
  serverHas([user("q1"), assistant("a1"), user("q2")], [interrupt]);
  const thread = new Thread("t", { ...EMPTY, messages: [user("q1")] });
  await thread.refresh();
  assert.deepEqual(shown(thread), ["q1", "answer:a1", "q2"]);
  assert.deepEqual(thread.view().interrupts, [interrupt]);
});

test("a stale tab continues what another has added, and does not fork it", async () => {
  const stale = new Thread("t", { ...EMPTY, messages: [user("q1"), assistant("a1")] });
  serverHas([user("q1"), assistant("a1"), user("q2"), assistant("a2")]);
  serve((asked) => run(asked, answered("a3")));
  await said(stale, "q3");
  assert.deepEqual(sent(), ["q1", "a1", "q2", "a2", "q3"]);
  assert.deepEqual(shown(stale), ["q1", "answer:a1", "q2", "answer:a2", "q3", "answer:a3"]);
});

test("a stale tab stores nothing over what another has added", async () => {
  const stale = new Thread("t", { ...EMPTY, messages: [] });
  const other = new Thread("t", { ...EMPTY, messages: [] });
  serve((asked) => run(asked, answered("a1")));
  await said(other, "One");
  const stored = recall("t")?.messages;
  stale.leave();
  assert.deepEqual(recall("t")?.messages, stored);
  stale.choose({ model: "other" });
  assert.deepEqual([recall("t")?.messages, recall("t")?.model], [stored, "other"]);
  assert.deepEqual(shown(stale), ["One", "answer:a1"]);
});

test("nothing is sent on an unknown state of the thread, and it can be sent again", async () => {
  const thread = new Thread("t", { ...EMPTY, messages: [user("q1"), assistant("a1")] });
  serverHas([user("q1"), assistant("a1"), user("q2")]);
  const { fetch } = globalThis;
  globalThis.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  await said(thread, "q3");
  assert.equal(thread.view().failure?.title, "The server cannot be reached");
  assert.deepEqual([thread.view().editable, shown(thread)], [true, ["q1", "answer:a1", "q3"]]);
  globalThis.fetch = fetch;
  await thread.refresh();
  assert.deepEqual(shown(thread), ["q1", "answer:a1", "q2", "q3"]);
  serve((asked) => run(asked, answered("a3")));
  thread.retry();
  await ended(thread);
  assert.deepEqual(sent(), ["q1", "a1", "q2", "q3"]);
  assert.equal(thread.view().failure, null);
});

test("a retry shows an answer that has come meanwhile, and asks for no other", async () => {
  const thread = new Thread("t", EMPTY);
  serve((asked) => run(asked, [], { type: "RUN_ERROR", message: "Away." }));
  await said(thread, "One");
  serverHas([...(recall("t")?.messages ?? []), assistant("a1")]);
  thread.retry();
  await ended(thread);
  assert.deepEqual([shown(thread), thread.view().failure, heard.length], [["One", "answer:a1"], null, 1]);
});

test("a retry leaves out what its first attempt has left at the server", async () => {
  const thread = new Thread("t", EMPTY);
  const broken = { type: "RUN_ERROR", message: "Away." };
  serve((asked) => (heard.length === 1 ? run(asked, answered("half"), broken) : run(asked, answered("a1"))));
  await said(thread, "One");
  serverHas((recall("t")?.messages ?? []) as Message[]);
  thread.retry();
  await ended(thread);
  assert.deepEqual([sent(), shown(thread)], [["One"], ["One", "answer:a1"]]);
});

test("a question that was answered elsewhere is not answered again", async () => {
  const open = { ...EMPTY, messages: [user("q1")], interrupts: [interrupt as any] };
  const thread = new Thread("t", open);
  serverHas([user("q1"), assistant("a1")]);
  thread.reply(["Yes"]);
  await ended(thread);
  assert.deepEqual([shown(thread), thread.view().interrupts, heard.length], [["q1", "answer:a1"], [], 0]);
});
