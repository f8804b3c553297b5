import type { Message } from "@ag-ui/client";
import assert from "node:assert/strict";
import { test } from "node:test";

import { entriesOf, key, ratedIn, REMARK, STOPPED } from "../src/chat/entries";
import type { Entry } from "../src/chat/entries";

const user = (id: string): Message => ({ id, role: "user", content: "?" });
const answer = (id: string, content = "!"): Message => ({ id, role: "assistant", content });
const activity = (id: string, activityType: string, content: object = {}): Message => ({
  id,
  role: "activity",
  activityType,
  content: content as Record<string, unknown>,
});
const review = (of: string, stage = "judging"): Message =>
  activity(`${of}-review`, "review", { messageId: of, stage, attempt: 1 });
const calling = (id: string, call: string): Message => ({
  id,
  role: "assistant",
  toolCalls: [{ id: call, type: "function", function: { name: "calculate", arguments: "{}" } }],
});
const result = (call: string, content: string): Message => ({
  id: `${call}-result`,
  role: "tool",
  toolCallId: call,
  content,
});

const keys = (entries: readonly Entry[]): string[] => entries.map(key);
const shown = (messages: Message[]): string[] => keys(entriesOf(messages, []));

test("a call and its result are one entry", () => {
  const [, call] = entriesOf([user("q"), calling("a", "c"), result("c", "42")], []);
  assert.deepEqual(call, { kind: "tool", id: "c", name: "calculate", args: "{}", result: "42" });
});

test("a review stands beneath what it is of, also where it was told before", () => {
  const beneath = ["question:q", "answer:a", "review:a-review", "question:r"];
  assert.deepEqual(shown([user("q"), answer("a"), review("a"), user("r")]), beneath);
  assert.deepEqual(shown([user("q"), review("a"), answer("a"), user("r")]), beneath);
  assert.deepEqual(shown([user("q"), answer("a"), user("r"), review("a")]), beneath);
});

test("a review of a call stands beneath the call", () => {
  assert.deepEqual(shown([user("q"), calling("a", "c"), result("c", "42"), answer("b"), review("a")]), [
    "question:q",
    "tool:c",
    "review:a-review",
    "answer:b",
  ]);
});

test("a review of what nobody has heard yet stands where it was told", () => {
  assert.deepEqual(shown([user("q"), review("a")]), ["question:q", "review:a-review"]);
});

test("marks that this page does not know, and reviews that are none, are not shown", () => {
  const odd = [
    activity("1", "weather", { sun: true }),
    activity("2", "review"),
    activity("3", "review", { stage: "dancing", messageId: "q" }),
    { id: "4", role: "activity", activityType: "review" } as unknown as Message,
  ];
  assert.deepEqual(shown([user("q"), ...odd, activity("5", STOPPED), activity("6", REMARK, { message: "So." })]), [
    "question:q",
    "stopped:5",
    "remark:6",
  ]);
});

test("what did not change is the same object, and what did is not", () => {
  const before = entriesOf([user("q"), answer("a"), review("a")], []);
  const same = entriesOf([user("q"), answer("a"), review("a")], before);
  assert.deepEqual(
    same.map((entry, at) => entry === before[at]),
    [true, true, true],
  );
  const news = entriesOf([user("q"), answer("a", "!!"), review("a", "done")], before);
  assert.deepEqual(
    news.map((entry, at) => entry === before[at]),
    [true, false, false],
  );
});

test("people are asked about the last answer of each turn, beneath its review", () => {
  const entries = entriesOf(
    [user("q"), answer("a"), calling("b", "c"), answer("d"), review("d"), user("r"), calling("e", "f"), user("s"), answer("g")],
    [],
  );
  assert.deepEqual(
    [...ratedIn(entries, false)],
    [
      ["review:d-review", "d"],
      ["answer:g", "g"],
    ],
  );
  assert.deepEqual([...ratedIn(entries, true)], [["review:d-review", "d"]]);
});
