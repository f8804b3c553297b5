import type { Agent } from "../api";
import type { Wish } from "../canvas/canvas";

/** How an answer is read: not at all, behind what is heard, or before anybody hears it. */
export type Quality = "off" | "advise" | "enforce";

/** With whom one speaks, and how. */
export interface Choice {
  agentId: string;
  /** Empty where the server chooses. */
  model: string;
  quality: Quality;
}

export const QUALITIES: Record<Quality, { label: string; hint: string }> = {
  off: { label: "Not read", hint: "" },
  advise: { label: "Read and advise", hint: "What is wrong with an answer is said beneath it." },
  enforce: { label: "Only what passes", hint: "An answer is mended, at most twice, before you see it." },
};

/** Of what a browser kept, which may be of another page than this one. */
export const qualityOf = (value: unknown): Quality => (value === "advise" || value === "enforce" ? value : "off");

/** With another agent; one that cannot be told how it is to be read is not told. */
export const withAgent = (choice: Choice, agentId: string, agent: Agent | undefined): Choice => ({
  ...choice,
  agentId,
  quality: agent?.quality === undefined ? "off" : choice.quality,
});

/** Seconds that a run goes on without this page: a reload, or a line that breaks off, takes nothing along. */
const GRACE = 60;

/** What is said to the server beside the messages. */
export function forwarded({ model, quality }: Choice, wish: Wish | null): Record<string, unknown> {
  return {
    onDisconnect: GRACE,
    ...(model === "" ? {} : { model }),
    ...(quality === "off" ? {} : { quality }),
    ...(wish === null ? {} : { canvas: wish }),
  };
}
