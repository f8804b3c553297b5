import type { ContentPart, Message } from "@ag-ui/client";

import { REVIEW, reviewOf } from "./reviews";
import type { Review } from "./reviews";

/** One thing to show in the conversation. A tool call and its result are one entry. */
export type Entry =
  | { kind: "question"; id: string; text: string }
  | { kind: "answer"; id: string; text: string }
  | { kind: "reasoning"; id: string; text: string }
  | { kind: "tool"; id: string; name: string; args: string; result?: string; error?: string }
  | { kind: "reply"; id: string; asked: string; text: string; declined: boolean }
  | { kind: "review"; id: string; review: Review }
  | { kind: "remark"; id: string; text: string }
  | { kind: "stopped"; id: string };

/** Marks of this page in the history: activity messages are never sent to the server, whoever made them. */
export const REPLY = "agenkit.reply";
export const STOPPED = "agenkit.stopped";
export const REMARK = "agenkit.remark";

/**
 * The conversation as entries. The AG-UI client clones every message on every event, so an entry that
 * did not change is given back as the same object as in `previous`: the page draws only what is new.
 */
export function entriesOf(messages: readonly Message[], previous: readonly Entry[]): Entry[] {
  const results = new Map(
    messages.filter((message) => message.role === "tool").map((message) => [message.toolCallId, message]),
  );
  const reviews = reviewsIn(messages);
  const known = new Map(previous.map((entry) => [key(entry), entry]));
  return messages
    .flatMap((message) => [...entriesOfMessage(message, results), ...(reviews.get(message.id) ?? [])])
    .map((entry) => {
      const before = known.get(key(entry));
      return before !== undefined && same(before, entry) ? before : entry;
    });
}

export const key = (entry: Entry): string => `${entry.kind}:${entry.id}`;

/**
 * The answers of which people are asked what they think, by the key of the entry beneath which they are: the last of each
 * turn, beneath its review. Of a turn that is `running` the last is not there yet.
 */
export function ratedIn(entries: readonly Entry[], running: boolean): ReadonlyMap<string, string> {
  const last = new Map<number, { answer: string; beneath: string }>();
  let turn = 0;
  for (const entry of entries) {
    const before = last.get(turn);
    if (entry.kind === "question") turn += 1;
    else if (entry.kind === "answer") last.set(turn, { answer: entry.id, beneath: key(entry) });
    else if (entry.kind === "review" && before?.answer === entry.review.of) before.beneath = key(entry);
  }
  if (running) last.delete(turn);
  return new Map([...last.values()].map(({ answer, beneath }) => [beneath, answer]));
}

/** A review stands beneath what it is of, which may come after it: where that is not there yet, in its own place. */
function reviewsIn(messages: readonly Message[]): ReadonlyMap<string, Entry[]> {
  const heard = new Set(messages.filter(({ role }) => role !== "activity").map(({ id }) => id));
  const reviews = new Map<string, Entry[]>();
  for (const message of messages) {
    if (message.role !== "activity" || message.activityType !== REVIEW) continue;
    const review = reviewOf(message.content);
    if (review === null) continue;
    const place = heard.has(review.of) ? review.of : message.id;
    reviews.set(place, [...(reviews.get(place) ?? []), { kind: "review", id: message.id, review }]);
  }
  return reviews;
}

type ToolResult = Extract<Message, { role: "tool" }>;

function entriesOfMessage(message: Message, results: ReadonlyMap<string, ToolResult>): Entry[] {
  switch (message.role) {
    case "user":
      return [{ kind: "question", id: message.id, text: textOf(message.content) }];
    case "reasoning":
      return message.content === "" ? [] : [{ kind: "reasoning", id: message.id, text: message.content }];
    case "assistant": {
      const answer: Entry[] =
        message.content === undefined || message.content === ""
          ? []
          : [{ kind: "answer", id: message.id, text: message.content }];
      const calls = (message.toolCalls ?? []).map(
        (call): Entry => ({
          kind: "tool",
          id: call.id,
          name: call.function.name,
          args: call.function.arguments,
          ...outcomeOf(results.get(call.id)),
        }),
      );
      return [...answer, ...calls];
    }
    case "activity":
      return markOf(message.id, message.activityType, message.content);
    case "tool":
    case "system":
    case "developer":
      return [];
  }
}

function outcomeOf(result: ToolResult | undefined): { result?: string; error?: string } {
  if (result === undefined) return {};
  const shown = { result: textOf(result.content) };
  return result.error === undefined ? shown : { ...shown, error: result.error };
}

function markOf(id: string, type: string, content: Record<string, unknown>): Entry[] {
  switch (type) {
    case REPLY:
      return [
        {
          kind: "reply",
          id,
          asked: String(content.asked),
          text: String(content.text),
          declined: content.declined === true,
        },
      ];
    case REMARK:
      return [{ kind: "remark", id, text: String(content.message) }];
    case STOPPED:
      return [{ kind: "stopped", id }];
    default:
      return [];
  }
}

function textOf(content: string | ContentPart[]): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n");
}

function same(one: Entry, other: Entry): boolean {
  const fields = Object.entries(one);
  return (
    fields.length === Object.keys(other).length &&
    fields.every(([name, value]) => alike(other[name as keyof Entry], value))
  );
}

function alike(one: unknown, other: unknown): boolean {
  return one === other || (typeof other === "object" && JSON.stringify(one) === JSON.stringify(other));
}
