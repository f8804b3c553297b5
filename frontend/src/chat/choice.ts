import type { Agent } from "../api";
import type { Wish } from "../canvas/canvas";

/** How an answer is read: not at all, behind what is heard, or before anybody hears it. */
export type Quality = "off" | "advise" | "enforce";

/** With whom one speaks, and how. */
export interface Choice {
  agentId: string;
  /** Empty where the server chooses. */
  model: string;
  /** What a person asked for, if they did; it stays theirs with an agent of which nothing can be asked. */
  quality: Quality | undefined;
  /** What the agent does by itself: null where nothing can be asked for, undefined while that is not known. */
  usual: Quality | null | undefined;
}

export const QUALITIES: Record<Quality, { label: string; hint: string }> = {
  off: { label: "Off", hint: "" },
  advise: { label: "Show problems", hint: "Problems are listed below each answer." },
  enforce: { label: "Fix before showing", hint: "Answers are checked and improved (up to twice) before you see them." },
};

/** Of what another page than this one may have kept, or a newer server told. */
const qualityOf = (value: unknown): Quality | undefined =>
  value === "off" || value === "advise" || value === "enforce" ? value : undefined;

/** Of what a browser kept, if it kept anything. */
export function choiceOf(kept: Partial<Choice> | undefined): Choice {
  const usual = kept?.usual === null ? null : qualityOf(kept?.usual);
  const quality = qualityOf(kept?.quality);
  return {
    agentId: kept?.agentId ?? "",
    model: kept?.model ?? "",
    // An older page, which did not know what is usual, kept "off" where nobody had chosen.
    quality: quality === "off" && usual === undefined ? undefined : quality,
    usual,
  };
}

export const withAgent = (choice: Choice, { id, reviewMode }: Agent): Choice => ({
  ...choice,
  agentId: id,
  usual: reviewMode === undefined ? null : qualityOf(reviewMode),
});

/** The same choice as far as it holds among these agents; with the first to be had where there is none yet. */
export function among(agents: readonly Agent[], choice: Choice): Choice {
  const agent = agents.find(({ id, available }) => (choice.agentId === "" ? available : id === choice.agentId));
  if (agent === undefined) return choice;
  const next = withAgent(choice, agent);
  return next.agentId === choice.agentId && next.usual === choice.usual ? choice : next;
}

/** How answers are read; null where nothing is asked for. */
export const qualityIn = ({ quality, usual }: Choice): Quality | null =>
  usual === null ? null : (quality ?? usual ?? null);

/** Seconds that a run goes on without this page: a reload, or a line that breaks off, takes nothing along. */
const GRACE = 60;

/** What is said to the server beside the messages. */
export function forwarded(choice: Choice, wish: Wish | null): Record<string, unknown> {
  const { model } = choice;
  const quality = qualityIn(choice);
  return {
    onDisconnect: GRACE,
    ...(model === "" ? {} : { model }),
    ...(quality === null ? {} : { reviewMode: quality }),
    ...(wish === null ? {} : { canvas: wish }),
  };
}
