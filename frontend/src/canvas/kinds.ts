export type Kind = "markdown" | "code" | "html" | "svg" | "mermaid" | "json" | "csv";

/** How a text of a kind can be looked at other than as it is written. */
export const previewOf: Partial<Record<Kind, string>> = {
  markdown: "Preview",
  html: "Preview",
  svg: "Preview",
  csv: "Table",
};

const NAMES: Record<Kind, string> = {
  markdown: "Document",
  code: "Code",
  html: "HTML page",
  svg: "SVG image",
  mermaid: "Mermaid diagram",
  json: "JSON",
  csv: "CSV table",
};

export function described(kind: Kind, language: string | null | undefined): string {
  return kind === "code" && language ? `Code in ${language}` : NAMES[kind];
}
