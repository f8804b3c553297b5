import { useEffect, useId, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";

interface Props {
  label: string;
  /** What stands on the button, where that is not its label. */
  face?: ReactNode;
  disabled?: boolean;
  children: (close: () => void) => ReactNode;
}

/** A button that opens a small panel below itself. */
export function Menu({ label, face, disabled = false, children }: Props) {
  const [open, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };

  useEffect(() => {
    if (!open) return;
    whole.current?.querySelector<HTMLElement>(".panel :is(button, a, input):not(:disabled)")?.focus();
    const onDown = ({ target }: PointerEvent): void => {
      if (target instanceof Node && whole.current?.contains(target) === false) setOpen(false);
    };
    addEventListener("pointerdown", onDown);
    return () => removeEventListener("pointerdown", onDown);
  }, [open]);

  const onKey = (event: KeyboardEvent): void => {
    if (!open) return;
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event, whole.current);
    else return;
    event.stopPropagation();
  };

  return (
    <div ref={whole} className="menu" onKeyDown={onKey}>
      <button
        ref={button}
        type="button"
        className={face === undefined ? "quiet small" : "icon"}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={face === undefined ? undefined : label}
        title={face === undefined ? undefined : label}
        disabled={disabled}
        onClick={() => setOpen(!open)}
      >
        {face ?? <>{label} <span aria-hidden="true">▾</span></>}
      </button>
      {open && (
        <div id={id} className="panel" role="group" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}

function step(event: KeyboardEvent, whole: HTMLElement | null): void {
  const all = [...(whole?.querySelectorAll<HTMLElement>(".panel :is(button, a, input):not(:disabled)") ?? [])];
  const now = all.indexOf(document.activeElement as HTMLElement);
  const next = all.at((now + (event.key === "ArrowDown" ? 1 : -1)) % all.length);
  event.preventDefault();
  next?.focus();
}
