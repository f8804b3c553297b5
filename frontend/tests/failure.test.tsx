import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToStaticMarkup } from "react-dom/server";

import { readShared } from "../src/canvas/artifacts";
import { ArtifactCall } from "../src/chat/ArtifactCall";
import { failureOf } from "../src/failure";
import { json, serve } from "./browser";

const failureOfShared = (): Promise<unknown> => readShared("token").then(() => null, failureOf);

test("a shared link that is gone says whom to ask, any other failure what the server said", async () => {
  assert.deepEqual(await failureOfShared(), {
    title: "This link no longer works",
    detail: "Ask the owner for a new one.",
    fields: [],
  });
  serve(() => json({ title: "Storage unavailable", detail: "Try again." }, 503));
  assert.deepEqual(await failureOfShared(), { title: "Storage unavailable", detail: "Try again.", fields: [] });
});

test("a failed edit is not shown, for the agent makes another; a failed write says why", () => {
  const shown = (name: string, result?: string): string => {
    const call = { kind: "tool" as const, id: "c", name, args: "{}", ...(result !== undefined && { result }) };
    return renderToStaticMarkup(<ArtifactCall call={call} running={false} onShow={() => undefined} />);
  };
  const error = JSON.stringify({ error: "Block 1 does not occur." });
  assert.equal(shown("edit_artifact", error), "");
  assert.equal(shown("write_artifact", error).includes("<summary>Stopped before saving</summary><p>Block 1"), true);
  assert.equal(shown("edit_artifact").includes("No version was written."), true);
});
