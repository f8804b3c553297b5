import { memo, useState } from "react";
import type { MouseEvent } from "react";

interface Props {
  text: string;
  /** Still being written: shown open then, unless the reader chose otherwise. */
  live: boolean;
}

export const Reasoning = memo(function Reasoning({ text, live }: Props) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? live;
  const toggle = (event: MouseEvent): void => {
    event.preventDefault();
    setChosen(!open);
  };
  return (
    <details className="aside" open={open}>
      <summary onClick={toggle}>{live ? "Thinking…" : "Reasoning"}</summary>
      <p className="reasoning">{text}</p>
    </details>
  );
});
