import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToStaticMarkup } from "react-dom/server";

import { forwarded, qualityOf, withAgent } from "../src/chat/choice";
import { counted, reviewOf, said, spent } from "../src/chat/reviews";
import type { Review } from "../src/chat/reviews";
import { Verdict } from "../src/chat/Verdict";

const VERDICT = {
  outcome: "failed",
  score: 2.46,
  notJudged: null,
  findings: [
    { by: "code_parses", severity: "error", message: "It does not parse.", quote: "def <f>(:", line: 3 },
    { by: "clear", severity: "warning", message: "It is long." },
  ],
  usage: { inputTokens: 1491, outputTokens: 123, costUsd: "0.00124" },
};

function done(verdict: unknown, attempt = 1): Review {
  const review = reviewOf({ messageId: "a", stage: "done", attempt, verdict });
  if (review === null) throw new Error("It is no review");
  return review;
}

test("a stage is said while there is more to come", () => {
  const lines = (["checking", "judging", "revising"] as const).map((stage, at) => {
    const review: Review = { of: "a", stage, attempt: at + 1, verdict: null };
    return [said(review, true), said(review, false)];
  });
  assert.deepEqual(lines, [
    ["Being checked…", "No verdict has come"],
    ["Being judged (attempt 2)…", "No verdict has come"],
    ["Being mended (attempt 3)…", "No verdict has come"],
  ]);
});

test("a verdict is said in a line, with why where nothing was judged", () => {
  const why = "no judge is there";
  assert.deepEqual(
    [
      done(VERDICT),
      done({ outcome: "passed", score: 4.857, findings: [] }, 2),
      done({ outcome: "not_judged", score: null, notJudged: why }),
      done({ outcome: "failed", score: null, notJudged: why }),
      done(undefined),
    ].map((review) => said(review, false)),
    [
      "Did not pass · 2.5 of 5",
      "Passed · 4.9 of 5 · 2 attempts",
      `Not judged: ${why}`,
      `Did not pass · not judged: ${why}`,
      "It was read, and what was found cannot be shown",
    ],
  );
});

test("what it took is said as far as it is known", () => {
  const usage = (told: unknown, attempt = 1) => spent(done({ outcome: "passed", usage: told }, attempt));
  assert.equal(usage(VERDICT.usage), "Reading it took 1,614 tokens, $0.0012");
  assert.equal(usage({ inputTokens: 1, outputTokens: 0, costUsd: null }, 2), "Reading and mending it took 1 token");
  assert.deepEqual([{ inputTokens: 0, outputTokens: 0 }, { inputTokens: "7" }, null].map((told) => usage(told)), [
    null,
    null,
    null,
  ]);
});

test("of a verdict only what can be understood is taken", () => {
  const odd = { outcome: "passed", score: "5", findings: [null, 3, { by: "x" }, { message: "Only words" }], usage: [] };
  assert.deepEqual(done(odd).verdict, {
    outcome: "passed",
    score: null,
    why: null,
    findings: [{ by: "", severity: "warning", message: "Only words", quote: null, line: null }],
    usage: null,
  });
  assert.deepEqual([null, 7, "done", [], {}, { stage: "dancing" }].map(reviewOf), [null, null, null, null, null, null]);
});

test("findings are shown with where they are, and quotes as text", () => {
  const shown = renderToStaticMarkup(<Verdict review={done(VERDICT)} live={false} />);
  assert.equal(counted(done(VERDICT).verdict?.findings ?? []), "1 fault, 1 remark");
  for (const part of [
    '<p aria-live="polite">Did not pass · 2.5 of 5</p>',
    "<summary>1 fault, 1 remark</summary>",
    "(code_parses, line 3)",
    "<blockquote>def &lt;f&gt;(:</blockquote>",
    "It is long.",
  ]) {
    assert.equal(shown.includes(part), true, part);
  }
});

test("how an answer is to be read is sent where an agent can be told", () => {
  const choice = { agentId: "chat", model: "", quality: "enforce" } as const;
  assert.deepEqual(forwarded(choice, null), { onDisconnect: 60, quality: "enforce" });
  assert.deepEqual(forwarded({ agentId: "canvas", model: "m", quality: "off" }, { artifactId: "x" }), {
    onDisconnect: 60,
    model: "m",
    canvas: { artifactId: "x" },
  });
  const agent = { id: "quality", name: "Quality", description: "Reads.", available: true };
  assert.deepEqual(withAgent(choice, "quality", agent), { agentId: "quality", model: "", quality: "off" });
  assert.deepEqual(withAgent(choice, "canvas", { ...agent, id: "canvas", quality: "off" }).quality, "enforce");
  assert.deepEqual(["advise", "strange", undefined].map(qualityOf), ["advise", "off", "off"]);
});
