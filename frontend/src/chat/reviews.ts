/** The type of the activity in which the server says how far it is with reading a message, and what it found. */
export const REVIEW = "review";

export interface Review {
  /** The message that is read. */
  of: string;
  stage: "checking" | "judging" | "revising" | "done";
  attempt: number;
  verdict: Verdict | null;
}

export interface Verdict {
  outcome: "passed" | "failed" | "not_judged";
  /** From 1 to 5; null where nothing was judged, and `why` then says why. */
  score: number | null;
  why: string | null;
  findings: readonly Finding[];
  usage: { tokens: number; dollars: number | null } | null;
}

export interface Finding {
  by: string;
  severity: "error" | "warning";
  message: string;
  quote: string | null;
  line: number | null;
}

/** Null where it is none. Of a verdict only what can be understood is taken: this page may be older than its server. */
export function reviewOf(content: unknown): Review | null {
  const told = fields(content);
  const { stage } = told;
  if (stage !== "checking" && stage !== "judging" && stage !== "revising" && stage !== "done") return null;
  const verdict = stage === "done" ? verdictOf(fields(told.verdict)) : null;
  return { of: text(told.messageId) ?? "", stage, attempt: number(told.attempt) ?? 1, verdict };
}

function verdictOf(told: Fields): Verdict | null {
  const { outcome } = told;
  if (outcome !== "passed" && outcome !== "failed" && outcome !== "not_judged") return null;
  return {
    outcome,
    score: number(told.score),
    why: text(told.notJudgedReason),
    findings: Array.isArray(told.findings) ? told.findings.flatMap(findingOf) : [],
    usage: usageOf(fields(told.usage)),
  };
}

function findingOf(value: unknown): Finding[] {
  const told = fields(value);
  const message = text(told.message);
  if (message === null) return [];
  const severity = told.severity === "error" ? "error" : "warning";
  return [{ by: text(told.source) ?? "", severity, message, quote: text(told.quote), line: number(told.line) }];
}

function usageOf(told: Fields): Verdict["usage"] {
  const [input, output] = [number(told.inputTokens), number(told.outputTokens)];
  if (input === null || output === null || input + output === 0) return null;
  return { tokens: input + output, dollars: number(Number(text(told.costUsd) ?? NaN)) };
}

const STAGES = { checking: "Checking", judging: "Rating", revising: "Improving" };
const OUTCOMES = { passed: "Passed", failed: "Needs work", not_judged: "Not rated" };

/** In a line; `live` where more may come. */
export function said({ stage, attempt, verdict }: Review, live: boolean): string {
  const which = attempt > 1 ? ` (attempt ${attempt})` : "";
  if (stage !== "done") return live ? `${STAGES[stage]}${which}…` : "The check did not finish";
  if (verdict === null) return "The result of the check cannot be shown";
  const { outcome, score, why } = verdict;
  const judged = score !== null ? ` · ${score.toFixed(1)} / 5` : "";
  const reason = score !== null || why === null ? "" : outcome === "not_judged" ? `: ${why}` : ` · not rated: ${why}`;
  return `${OUTCOMES[outcome]}${judged}${reason}${attempt > 1 ? ` · ${attempt} attempts` : ""}`;
}

export const counted = (findings: readonly Finding[]): string => several(findings.length, "problem");

const SOURCES = new Map(Object.entries({
  "answers the question": "Relevance",
  clear: "Clarity",
  complete: "Completeness",
  correct: "Correctness",
  readable: "Readability",
  safe: "Safety",
  sound: "Soundness",
  addresses_judge: "Text addressed to the reviewer",
  code_parses: "Code syntax",
  data_parses: "Data syntax",
  diagram_well_formed: "Diagram syntax",
  fences_closed: "Code fences",
  format_kept: "Format",
  language_kept: "Language",
  length_kept: "Length",
  links_resolve: "Links",
  lints: "Code",
  markup_parses: "Markup syntax",
  no_personal_data: "Personal data",
  no_prompt_leak: "System prompt",
  no_secret: "Credential",
  quotes_occur: "Quotes",
  table_well_formed: "Table rows",
}));

/** What a finding is about, with its line. A rubric's own dimension is shown by its name. */
export function about({ by, line }: Finding): string {
  const name = SOURCES.get(by) ?? `${by.charAt(0).toUpperCase()}${by.slice(1).replaceAll("_", " ")}`;
  return [name === "" ? "Problem" : name, line === null ? "" : ` (line ${line})`].join("");
}

const COUNT = new Intl.NumberFormat("en");
const DOLLARS = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumSignificantDigits: 2 });

/** What it took beside the answer; null where nothing is known of it. */
export function spent({ verdict }: Review): string | null {
  const usage = verdict?.usage ?? null;
  if (usage === null) return null;
  const tokens = several(usage.tokens, "token", COUNT.format(usage.tokens));
  const dollars = usage.dollars === null || usage.dollars === 0 ? "" : `, ${DOLLARS.format(usage.dollars)}`;
  return `Check: ${tokens}${dollars}`;
}

const several = (count: number, of: string, shown = String(count)): string =>
  count === 0 ? "" : `${shown} ${of}${count === 1 ? "" : "s"}`;

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
