import type { ContentPart, Message } from "@ag-ui/client";

/** One thing to show in the conversation. A tool call and its result are one entry. */
export type Entry =
  | { kind: "question"; id: string; text: string }
  | { kind: "answer"; id: string; text: string }
  | { kind: "reasoning"; id: string; text: string }
  | { kind: "tool"; id: string; name: string; args: string; result?: string; error?: string }
  | { kind: "reply"; id: string; asked: string; text: string; declined: boolean }
  | { kind: "remark"; id: string; text: string }
  | { kind: "stopped"; id: string };

/** Marks of this page in the history: activity messages are the page's own and never leave the browser. */
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
  const known = new Map(previous.map((entry) => [key(entry), entry]));
  return messages
    .flatMap((message) => entriesOfMessage(message, results))
    .map((entry) => {
      const before = known.get(key(entry));
      return before !== undefined && same(before, entry) ? before : entry;
    });
}

export const key = (entry: Entry): string => `${entry.kind}:${entry.id}`;

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
    fields.every(([name, value]) => other[name as keyof Entry] === value)
  );
}
