/** The cells of a CSV text, after RFC 4180; a tab or a semicolon separates where the first line has no comma. */
export function rowsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const separator = separatorOf(text);
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}\\r\\n]*))(${separator}|\\r?\\n|\\r|$)`, "y");
  while (cell.lastIndex < text.length) {
    const found = cell.exec(text);
    if (found === null) return [...rows, [...row, text.slice(cell.lastIndex)]];
    row.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? "");
    if (found[3] === separator) continue;
    rows.push(row);
    row = [];
  }
  return row.length > 0 ? [...rows, [...row, ""]] : rows;
}

function separatorOf(text: string): string {
  const [first = ""] = text.split(/\r?\n|\r/, 1);
  return [",", ";", "\t"].find((each) => first.includes(each)) ?? ",";
}
