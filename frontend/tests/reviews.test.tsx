import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToStaticMarkup } from "react-dom/server";

import type { Agent } from "../src/api";
import { among, choiceOf, forwarded, qualityIn, withAgent } from "../src/chat/choice";
import type { Choice } from "../src/chat/choice";
import { Choices } from "../src/chat/Choices";
import { counted, reviewOf, said, spent } from "../src/chat/reviews";
import type { Review } from "../src/chat/reviews";
import { Verdict } from "../src/chat/Verdict";

const VERDICT = {
  outcome: "failed",
  score: 2.46,
  notJudgedReason: null,
  findings: [
    { source: "code_parses", severity: "error", message: "It does not parse.", quote: "def <f>(:", line: 3 },
    { source: "clear", severity: "warning", message: "It is long." },
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
    ["Checking…", "The check did not finish"],
    ["Rating (attempt 2)…", "The check did not finish"],
    ["Improving (attempt 3)…", "The check did not finish"],
  ]);
});

test("a verdict is said in a line, with why where nothing was judged", () => {
  const why = "no judge is there";
  assert.deepEqual(
    [
      done(VERDICT),
      done({ outcome: "passed", score: 4.857, findings: [] }, 2),
      done({ outcome: "not_judged", score: null, notJudgedReason: why }),
      done({ outcome: "failed", score: null, notJudgedReason: why }),
      done(undefined),
    ].map((review) => said(review, false)),
    [
      "Needs work · 2.5 / 5",
      "Passed · 4.9 / 5 · 2 attempts",
      `Not rated: ${why}`,
      `Needs work · not rated: ${why}`,
      "The result of the check cannot be shown",
    ],
  );
});

test("what it took is said as far as it is known", () => {
  const usage = (told: unknown, attempt = 1) => spent(done({ outcome: "passed", usage: told }, attempt));
  assert.equal(usage(VERDICT.usage), "Check: 1,614 tokens, $0.0012");
  assert.equal(usage({ inputTokens: 1, outputTokens: 0, costUsd: null }, 2), "Check: 1 token");
  assert.deepEqual([{ inputTokens: 0, outputTokens: 0 }, { inputTokens: "7" }, null].map((told) => usage(told)), [
    null,
    null,
    null,
  ]);
});

test("of a verdict only what can be understood is taken", () => {
  const odd = { outcome: "passed", score: "5", findings: [null, 3, { source: "x" }, { message: "Only words" }], usage: [] };
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
  assert.equal(counted(done(VERDICT).verdict?.findings ?? []), "2 problems");
  for (const part of [
    '<p aria-live="polite">Needs work · 2.5 / 5</p>',
    "<summary>2 problems</summary>",
    '<strong class="error">Code syntax (line 3):</strong> It does not parse.',
    "<blockquote>def &lt;f&gt;(:</blockquote>",
    '<strong class="warning">Clarity:</strong> It is long.',
  ]) {
    assert.equal(shown.includes(part), true, part);
  }
});

const agent = (id: string, quality?: string, available = true): Agent => ({
  id,
  name: id,
  description: "",
  available,
  ...(quality !== undefined && { reviewMode: quality }),
});
const choice = (rest: Partial<Choice> = {}): Choice => ({
  agentId: "chat",
  model: "",
  quality: undefined,
  usual: undefined,
  ...rest,
});
const sent = (chosen: Choice): unknown => forwarded(chosen, null).reviewMode;

test("how an answer is to be read is always sent where an agent can be told, and never where not", () => {
  assert.deepEqual(forwarded(choice({ quality: "off", usual: "enforce" }), null), { onDisconnect: 60, reviewMode: "off" });
  assert.deepEqual(forwarded(choice({ model: "m", quality: "off", usual: null }), { artifactId: "x" }), {
    onDisconnect: 60,
    model: "m",
    canvas: { artifactId: "x" },
  });
  const choices: Partial<Choice>[] = [
    { quality: "advise", usual: "off" },
    { quality: "off", usual: "off" },
    { usual: "advise" },
    {},
    { quality: "enforce", usual: null },
  ];
  assert.deepEqual(
    choices.map((rest) => sent(choice(rest))),
    ["advise", "off", "advise", undefined, undefined],
  );
});

test("a thread begins with what its agent does by itself", () => {
  const agents = [agent("away", "enforce", false), agent("canvas", "advise"), agent("chat", "off")];
  const first = among(agents, choiceOf(undefined));
  assert.deepEqual(first, choice({ agentId: "canvas", usual: "advise" }));
  assert.equal(among(agents, first), first);
  assert.equal(sent(among(agents, choice())), "off");
  const gone = choice({ agentId: "gone", quality: "advise", usual: "off" });
  assert.equal(among(agents, gone), gone);
  assert.equal(sent(among([agent("chat")], choice({ quality: "advise" }))), undefined);
  assert.equal(qualityIn(among([agent("chat", "strange")], choice())), null);
});

test("what a person chose goes along to another agent, where that can be told", () => {
  const asked = choice({ quality: "off", usual: "advise" });
  const reader = withAgent(asked, agent("quality"));
  assert.deepEqual([reader.agentId, sent(reader)], ["quality", undefined]);
  assert.equal(sent(withAgent(reader, agent("canvas", "enforce"))), "off");
  const nothing = withAgent(choice({ usual: "advise" }), agent("quality"));
  assert.equal(sent(withAgent(nothing, agent("canvas", "enforce"))), "enforce");
});

test("what an older page kept as not read is what the agent does by itself", () => {
  const agents = [agent("chat", "advise")];
  const chosen = { quality: "off", usual: "advise" };
  const kept = [{}, { quality: "off" }, { quality: "enforce" }, { quality: "strange" }, chosen];
  assert.deepEqual(
    kept.map((rest) => {
      const known = choiceOf({ agentId: "chat", model: "", ...rest } as Choice);
      return [sent(known), sent(among(agents, known))];
    }),
    [
      [undefined, "advise"],
      [undefined, "advise"],
      ["enforce", "enforce"],
      [undefined, "advise"],
      ["off", "off"],
    ],
  );
});

test("the page shows how answers are read, and offers it where an agent can be told", () => {
  const shown = (chosen: Choice, quality?: string): string => {
    const nothing = (): void => undefined;
    const on = { onAgent: nothing, onModel: nothing, onQuality: nothing };
    return renderToStaticMarkup(
      <Choices agents={[agent("chat", quality)]} models={[]} choice={chosen} begun={false} {...on} />,
    );
  };
  const usual = "advise";
  assert.equal(shown(choice({ usual }), usual).includes('<option value="advise" selected="">'), true);
  assert.equal(shown(choice({ quality: "off", usual }), usual).includes('<option value="off" selected="">'), true);
  assert.equal(shown(choice(), "strange").includes('<option value="" disabled="" selected="">'), true);
  assert.equal(shown(choice({ quality: "off", usual: null })).includes("Answer check"), false);
});
