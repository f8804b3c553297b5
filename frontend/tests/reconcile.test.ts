import type { Message } from "@ag-ui/client";
import assert from "node:assert/strict";
import { test } from "node:test";

import { reconcile } from "../src/chat/reconcile";

const user = (id: string): Message => ({ id, role: "user", content: id });
const answer = (id: string, content = id): Message => ({ id, role: "assistant", content });
const reasoning = (id: string): Message => ({ id, role: "reasoning", content: id });
const ids = (messages: readonly Message[]): string[] => messages.map(({ id }) => id);

test("newer messages are added, and what they say is what counts", () => {
  const whole = [user("q1"), answer("a1", "whole"), user("q2"), answer("a2")];
  assert.deepEqual(reconcile([user("q1"), answer("a1", "half")], whole), whole);
});

test("reasoning stays where it was said", () => {
  const local = [reasoning("r0"), user("q1"), reasoning("r1"), answer("a1"), reasoning("r2")];
  const newer = [user("q1"), answer("a1"), user("q2"), answer("a2")];
  assert.deepEqual(ids(reconcile(local, newer)), ["r0", "q1", "r1", "a1", "r2", "q2", "a2"]);
});

test("a message that was never received stays at the end, with what follows it", () => {
  const local = [user("q1"), answer("a1"), reasoning("r1"), user("lost"), reasoning("r2")];
  const newer = [user("q1"), answer("a1"), user("q2"), answer("a2")];
  assert.deepEqual(ids(reconcile(local, newer)), ["q1", "a1", "r1", "q2", "a2", "lost", "r2"]);
});

test("answers that the server took back go", () => {
  const local = [user("q1"), answer("old"), reasoning("r1")];
  assert.deepEqual(ids(reconcile(local, [user("q1"), answer("new")])), ["q1", "r1", "new"]);
});

test("messages stay where the server has none", () => {
  assert.deepEqual(ids(reconcile([user("q1"), answer("a1")], [])), ["q1", "a1"]);
});
