import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { markdown, markdownLanguage } from "@codemirror/lang-markdown";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  LanguageDescription,
  syntaxHighlighting,
} from "@codemirror/language";
import { languages } from "@codemirror/language-data";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Text } from "@codemirror/state";
import type { Extension } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  keymap,
  lineNumbers,
  MatchDecorator,
  ViewPlugin,
} from "@codemirror/view";
import type { DecorationSet, ViewUpdate } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { described } from "./kinds";
import type { Kind } from "./kinds";

/** What is to be known of a text to write on it. */
export interface Sort {
  name: string;
  kind: Kind;
  language: string | null | undefined;
}

// The mark in the middle of a conflict would make a heading of what stands before it.
const plain = { remove: ["SetextHeading"] };
const prosaic = markdown({ base: markdownLanguage, codeLanguages: languages, extensions: plain });
// A language is a chunk of its own: it comes when the first text in it does.
const language = new Compartment();

export function paper(text: string, sort: Sort, more: Extension): EditorState {
  return EditorState.create({
    doc: linesOf(text),
    extensions: [
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      search({ top: true }),
      highlightSelectionMatches({ minSelectionLength: 3 }),
      keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
      syntaxHighlighting(colours),
      conflictMarks,
      sort.kind === "markdown" ? prose : lineNumbers(),
      look,
      language.of(sort.kind === "markdown" ? prosaic : []),
      sort.kind === "csv" ? [] : EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        "aria-label": `${described(sort.kind, sort.language)}: ${sort.name}`,
        spellcheck: String(sort.kind === "markdown"),
        autocapitalize: sort.kind === "markdown" ? "sentences" : "off",
      }),
      more,
    ],
  });
}

export const editing: Extension = history();
export const reading: Extension = [
  EditorState.readOnly.of(true),
  EditorView.editable.of(false),
  EditorView.contentAttributes.of({ tabindex: "0" }),
];

/**
 * Puts the text into `host`, behind a root of its own: only there the editor adopts its styles, which the page's
 * Content-Security-Policy would refuse as a style element.
 */
export function mount(state: EditorState, sort: Sort, host: HTMLElement): EditorView {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const view = new EditorView({ state, parent: root, root });
  void speak(view, sort);
  return view;
}

async function speak(view: EditorView, { kind, language: named }: Sort): Promise<void> {
  const known = kind === "code" ? named : kind === "svg" ? "xml" : kind;
  if (known == null || kind === "markdown" || kind === "csv") return;
  const found = LanguageDescription.matchLanguageName(languages, known);
  if (found === null) return;
  // A text without colours is still a text.
  const support = await found.load().catch(() => []);
  view.dispatch({ effects: language.reconfigure(support) });
}

export function linesOf(text: string): Text {
  return Text.of(text.split("\n"));
}

// What a merge leaves where it could not decide.
const conflictLine = Decoration.line({ class: "cm-conflict" });
const conflicts = new MatchDecorator({
  regexp: /^(<<<<<<< .+|=======|>>>>>>> .+)$/g,
  decorate: (add, from) => add(from, from, conflictLine),
});
const conflictMarks = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = conflicts.createDeco(view);
    }
    update(update: ViewUpdate): void {
      this.decorations = conflicts.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

// As particular as the editor's own rule, which this one is to be heard over.
const selection = "> .cm-scroller > .cm-selectionLayer .cm-selectionBackground";
const selections = `& ${selection}, &.cm-focused ${selection}`;

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "transparent", fontSize: "0.9rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: "1.55", overflow: "auto" },
  ".cm-content": { padding: "1rem 0 40vh", caretColor: "var(--accent)" },
  ".cm-line": { padding: "0 1rem" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--edge)", border: "0", paddingLeft: "0.4rem" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  [selections]: { backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)" },
  ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "color-mix(in srgb, var(--accent) 14%, transparent)" },
  ".cm-searchMatch-selected": { backgroundColor: "color-mix(in srgb, var(--accent) 40%, transparent)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--tint)" },
  ".cm-conflict, .cm-conflict *": { color: "var(--alarm)", fontSize: "0.85rem", fontFamily: "ui-monospace, monospace" },
  ".cm-conflict": { backgroundColor: "var(--alarm-ground)" },
  ".cm-panels": { backgroundColor: "var(--tint)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-panel.cm-search": { padding: "0.4rem 2rem 0.5rem 1rem" },
  ".cm-panel.cm-search :is(input, button, label)": { fontSize: "0.8rem" },
  ".cm-textfield": { backgroundColor: "var(--raised)", border: "1px solid var(--edge)", borderRadius: "0.3rem" },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--raised)",
    border: "1px solid var(--line)",
    borderRadius: "0.3rem",
  },
  ".cm-panel.cm-search [name=close]": { color: "var(--ink)", fontSize: "1.2rem" },
});

const prose = EditorView.theme({
  ".cm-scroller": { fontFamily: "system-ui, sans-serif", lineHeight: "1.65" },
  ".cm-content": { maxWidth: "46rem", margin: "0 auto", fontSize: "1rem" },
  ".cm-line": { padding: "0 1.5rem" },
});

const colours = HighlightStyle.define([
  { tag: tags.heading1, fontWeight: "700", fontSize: "1.4em" },
  { tag: tags.heading2, fontWeight: "700", fontSize: "1.2em" },
  { tag: tags.heading, fontWeight: "700" },
  { tag: tags.strong, fontWeight: "700" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: tags.strikethrough, textDecoration: "line-through" },
  { tag: [tags.link, tags.url], color: "var(--accent)" },
  { tag: tags.monospace, fontFamily: "ui-monospace, monospace", fontSize: "0.92em" },
  { tag: [tags.processingInstruction, tags.contentSeparator, tags.meta], color: "var(--soft)" },
  { tag: [tags.comment, tags.quote], color: "var(--soft)" },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp, tags.attributeValue], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  { tag: [tags.definition(tags.variableName), tags.function(tags.variableName)], color: "var(--code-name)" },
  { tag: [tags.className, tags.typeName, tags.tagName], color: "var(--code-name)" },
  { tag: [tags.propertyName, tags.attributeName], color: "var(--code-property)" },
  { tag: tags.invalid, color: "var(--alarm)" },
]);
