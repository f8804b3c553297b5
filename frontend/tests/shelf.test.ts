import type { Message } from "@ag-ui/client";
import assert from "node:assert/strict";
import { test } from "node:test";

import { keep, keptThreads, recall } from "../src/chat/shelf";
import type { KeptThread } from "../src/chat/shelf";
import { store } from "./browser";

const thread = (...messages: Message[]): KeptThread => ({
  agentId: "chat",
  model: "",
  quality: "advise",
  messages,
  interrupts: [],
  failure: null,
});
const user = (id: string, content = "?"): Message => ({ id, role: "user", content });

test("a thread is kept whole, with what was found of it", () => {
  const review: Message = { id: "a-review", role: "activity", activityType: "review", content: { stage: "done" } };
  const kept = { ...thread(user("q"), review), opinions: { said: { a: { thumb: "up" as const } }, runs: { a: "r" } } };
  keep("t", kept);
  assert.deepEqual(recall("t"), kept);
  assert.equal(recall("other"), undefined);
});

test("twenty threads are kept, the last used first", () => {
  for (let at = 0; at < 21; at += 1) keep(`t${at}`, thread(user("q")));
  keep("t5", thread(user("q")));
  assert.equal(keptThreads().length, 20);
  assert.deepEqual(keptThreads().slice(0, 2), ["t5", "t20"]);
  assert.equal(recall("t0"), undefined);
});

test("where there is no room the oldest make some", () => {
  keep("old", thread(user("q", "x".repeat(500))));
  keep("newer", thread(user("q", "x".repeat(500))));
  store.room = 2000;
  keep("newest", thread(user("q", "x".repeat(700))));
  assert.deepEqual(keptThreads(), ["newest", "newer"]);
  assert.equal(recall("old"), undefined);
});

test("of a long thread the last questions are kept with what follows them", () => {
  const long = "x".repeat(200_000);
  const answer = (id: string): Message => ({ id, role: "assistant", content: long });
  keep("t", thread(user("q1"), answer("a1"), user("q2"), answer("a2"), user("q3"), answer("a3")));
  assert.deepEqual(
    recall("t")?.messages.map(({ id }) => id),
    ["q2", "a2", "q3", "a3"],
  );
});
