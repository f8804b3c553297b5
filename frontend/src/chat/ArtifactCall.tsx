import { memo } from "react";

import type { Entry } from "./entries";

interface Props {
  call: Extract<Entry, { kind: "tool" }>;
  running: boolean;
  onShow: (id: string) => void;
}

const EDIT = "edit_artifact";
const VERBS: Record<string, { working: string; done: string }> = {
  write_artifact: { working: "Writing…", done: "Wrote" },
  [EDIT]: { working: "Editing…", done: "Edited" },
};

export const isOfArtifact = (name: string): boolean => name in VERBS;

/** What an agent did on the canvas, in a line that leads there. */
export const ArtifactCall = memo(function ArtifactCall({ call, running, onShow }: Props) {
  const verb = VERBS[call.name];
  const outcome = outcomeOf(call.result);
  if (verb === undefined) return null;
  if (outcome.artifact !== undefined) {
    const { id, name, version } = outcome.artifact;
    return (
      <button type="button" className="card" onClick={() => onShow(id)}>
        <span>{verb.done}</span> <strong>{name}</strong> <span className="soft">· version {version}</span>
      </button>
    );
  }
  if (running) return <p className="aside pulse">{verb.working}</p>;
  // The agent makes another edit instead, or says that it could not.
  if (call.name === EDIT && outcome.error !== undefined) return null;
  return (
    <details className="aside">
      <summary>Stopped before saving</summary>
      <p>{outcome.error ?? "No version was written."}</p>
    </details>
  );
});

interface Outcome {
  artifact?: { id: string; name: string; version: number };
  error?: string;
}

function outcomeOf(result: string | undefined): Outcome {
  if (result === undefined) return {};
  try {
    return JSON.parse(result) as Outcome;
  } catch {
    return { error: result };
  }
}
