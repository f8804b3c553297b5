import type { Kind } from "./kinds";

/** A quick action as it can be chosen. `say` is the message that is sent, of `it`: the whole or a part. */
export interface Deed {
  name: string;
  label: string;
  say: (it: string, to: string) => string;
  /** What it can lead to; any words, where that is an example of them. */
  to?: readonly { value: string; label: string }[] | string;
}

const option = (value: string, label: string) => ({ value, label });

const LENGTHS: Record<string, string> = { shortest: "as short as possible", longest: "much longer" };
const READERS: Record<string, string> = {
  child: "a child",
  teenager: "a teenager",
  student: "students of the subject",
  expert: "experts",
};

const explain: Deed = { name: "explain", label: "Explain", say: (it) => `Explain ${it}` };

const forText: readonly Deed[] = [
  {
    name: "length",
    label: "Length",
    say: (it, to) => `Make ${it} ${LENGTHS[to] ?? to}`,
    to: [
      option("shortest", "Shortest"),
      option("shorter", "Shorter"),
      option("longer", "Longer"),
      option("longest", "Longest"),
    ],
  },
  {
    name: "reading_level",
    label: "Reading level",
    say: (it, to) => `Rewrite ${it} for ${READERS[to] ?? to}`,
    to: [
      option("child", "Child"),
      option("teenager", "Teenager"),
      option("student", "Student"),
      option("expert", "Expert"),
    ],
  },
  { name: "tone", label: "Tone", say: (it, to) => `Make the tone of ${it} ${to}`, to: "friendly" },
  { name: "translate", label: "Translate into", say: (it, to) => `Translate ${it} into ${to}`, to: "German" },
  explain,
];

const forCode: readonly Deed[] = [
  { name: "comment", label: "Add comments", say: (it) => `Add comments to ${it}` },
  { name: "log", label: "Add logging", say: (it) => `Add logging to ${it}` },
  { name: "fix", label: "Fix bugs", say: (it) => `Fix the bugs in ${it}` },
  { name: "test", label: "Write tests", say: (it) => `Write tests for ${it}` },
  explain,
  { name: "port", label: "Port to", say: (it, to) => `Port ${it} to ${to}`, to: "TypeScript" },
];

export const deedsFor = (kind: Kind): readonly Deed[] => (kind === "code" ? forCode : forText);
