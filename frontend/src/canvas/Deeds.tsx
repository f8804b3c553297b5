import { useState } from "react";
import type { FormEvent } from "react";

import { deedsFor } from "./deeds";
import type { Deed } from "./deeds";
import type { Kind } from "./kinds";
import { Menu } from "./Menu";

interface Props {
  kind: Kind;
  selected: boolean;
  running: boolean;
  onDeed: (text: string, action: { name: string; value?: string }) => void;
}

export function Deeds({ kind, selected, running, onDeed }: Props) {
  const what = kind === "code" ? "code" : "text";
  const it = selected ? `the selected ${what}` : `the ${what}`;
  return (
    <Menu label="Actions" disabled={running}>
      {(close) => (
        <>
          <p className="soft">{selected ? `Selected ${what}` : kind === "code" ? "Whole file" : "Whole document"}</p>
          {deedsFor(kind).map((deed) => (
            <Choice
              key={deed.name}
              deed={deed}
              onChosen={(to) => {
                close();
                onDeed(deed.say(it, to ?? ""), to === undefined ? { name: deed.name } : { name: deed.name, value: to });
              }}
            />
          ))}
        </>
      )}
    </Menu>
  );
}

function Choice({ deed, onChosen }: { deed: Deed; onChosen: (to?: string) => void }) {
  const [words, setWords] = useState("");
  if (deed.to === undefined) {
    return (
      <button type="button" className="item" onClick={() => onChosen()}>
        {deed.label}
      </button>
    );
  }
  if (typeof deed.to !== "string") {
    return (
      <div className="steps" role="group" aria-label={deed.label}>
        <span>{deed.label}</span>
        {deed.to.map(({ value, label }) => (
          <button key={value} type="button" className="quiet small" onClick={() => onChosen(value)}>
            {label}
          </button>
        ))}
      </div>
    );
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (words.trim() !== "") onChosen(words.trim());
  };
  return (
    <form className="steps" onSubmit={submit}>
      <label>
        <span>{deed.label}</span>
        <input value={words} maxLength={80} placeholder={deed.to} onChange={({ target }) => setWords(target.value)} />
      </label>
      <button
        type="submit"
        className="quiet small"
        disabled={words.trim() === ""}
        aria-label={`${deed.label} ${words}`}
      >
        Go
      </button>
    </form>
  );
}
