import type { Message } from "@ag-ui/client";

/**
 * The thread as the server (or another tab) has it, with what only this page knows: reasoning and activities stay behind
 * the message that they followed, and messages that were never received, from a person's on, stay at the end.
 */
export function reconcile(local: readonly Message[], newer: readonly Message[]): Message[] {
  const known = new Set(newer.map(({ id }) => id));
  const end = local.findLastIndex(({ id }) => known.has(id)) + 1;
  const tail = local.slice(end).findIndex(({ role }) => role === "user");
  const unsent = tail === -1 ? local.length : end + tail;

  const beside = new Map<string | null, Message[]>();
  let place: string | null = null;
  for (const message of local.slice(0, unsent)) {
    if (known.has(message.id)) place = message.id;
    else if (isOnlyHere(message)) beside.set(place, [...(beside.get(place) ?? []), message]);
  }
  return [
    ...(beside.get(null) ?? []),
    ...newer.flatMap((message) => [message, ...(beside.get(message.id) ?? [])]),
    ...local.slice(unsent),
  ];
}

/** A thread's state at the server has neither of these roles. */
const isOnlyHere = ({ role }: Message): boolean => role === "activity" || role === "reasoning";
