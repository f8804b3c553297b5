import { useEffect, useRef } from "react";
import type { EditorView } from "@codemirror/view";

import { Answer } from "../chat/Answer";
import { previewUrl } from "./artifacts";
import type { Draft } from "./canvas";
import type { Kind } from "./kinds";
import type { Manuscript } from "./manuscript";
import { linesOf, mount, paper, reading } from "./paper";
import type { Sort } from "./paper";
import { rowsOf } from "./table";

/** The text, to be written on. */
export function Editor({ manuscript }: { manuscript: Manuscript }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => (host.current === null ? undefined : manuscript.mount(host.current)), [manuscript]);
  return <div ref={host} className="paper" />;
}

/** A text that is not to be written on: an old version. */
export function Reading({ text, sort }: { text: string; sort: Sort }) {
  const host = useRef<HTMLDivElement>(null);
  const { name, kind, language } = sort;
  useEffect(() => {
    if (host.current === null) return;
    const view = mount(paper(text, { name, kind, language }, reading), { name, kind, language }, host.current);
    return () => view.destroy();
  }, [text, name, kind, language]);
  return <div ref={host} className="paper" />;
}

/** A text that grows: each piece is put to its end, and the end stays in view unless the reader scrolls up. */
export function Growing({ draft }: { draft: Draft }) {
  const host = useRef<HTMLDivElement>(null);
  const shown = useRef<{ view: EditorView; of: readonly string[]; pieces: number } | null>(null);
  const { name, kind, language } = draft;
  useEffect(() => {
    if (host.current === null) return;
    const view = mount(paper("", { name, kind, language }, reading), { name, kind, language }, host.current);
    shown.current = { view, of: [], pieces: 0 };
    return () => view.destroy();
  }, [name, kind, language]);
  useEffect(() => {
    if (shown.current === null) return;
    const { view, of, pieces } = shown.current;
    // After a line that broke off, the draft is told from its beginning.
    const anew = of !== draft.pieces;
    const added = draft.pieces.slice(anew ? 0 : pieces).join("");
    const { length } = view.state.doc;
    const followed = isAtEnd(view);
    shown.current = { view, of: draft.pieces, pieces: draft.pieces.length };
    const insert = linesOf(added.replaceAll("\r\n", "\n"));
    view.dispatch({ changes: { from: anew ? 0 : length, to: length, insert } });
    if (followed) view.requestMeasure({ read: () => undefined, write: () => toEnd(view) });
  }, [draft]);
  return <div ref={host} className="paper growing" />;
}

// Below the last line there is room, which nobody wants to see while it is written.
function endOf({ scrollDOM, contentDOM, contentHeight }: EditorView): number {
  const room = Number.parseFloat(getComputedStyle(contentDOM).paddingBottom);
  return Math.max(0, contentHeight - room - scrollDOM.clientHeight + 64);
}

const isAtEnd = (view: EditorView): boolean => view.scrollDOM.scrollTop >= endOf(view) - 100;

function toEnd(view: EditorView): void {
  view.scrollDOM.scrollTop = endOf(view);
}

interface PreviewProps {
  text: string;
  kind: Kind;
  name: string;
  /** Where the server shows it; a draft is nowhere yet. */
  at: { id: string; version: number } | null;
}

export function Preview({ text, kind, name, at }: PreviewProps) {
  if (kind === "csv") return <Table text={text} name={name} />;
  if ((kind === "html" || kind === "svg") && at !== null) {
    return (
      <iframe
        className="framed"
        sandbox="allow-scripts"
        referrerPolicy="no-referrer"
        title={`Preview of ${name}`}
        src={previewUrl(at.id, at.version)}
      />
    );
  }
  return (
    <div className="rendered" tabIndex={0} role="region" aria-label={`Preview of ${name}`}>
      <Answer text={text} />
    </div>
  );
}

const ROWS_SHOWN = 1000;

function Table({ text, name }: { text: string; name: string }) {
  const [head = [], ...rows] = rowsOf(text);
  return (
    <div className="rendered table" tabIndex={0} role="region" aria-label={`Table of ${name}`}>
      <table>
        <thead>
          <tr>
            {head.map((cell, index) => (
              <th key={index} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_SHOWN).map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS_SHOWN && (
        <p className="soft">
          The first {ROWS_SHOWN} of {rows.length} rows are shown.
        </p>
      )}
    </div>
  );
}
