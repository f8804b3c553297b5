/**
 * The arguments of a tool call, read while they come. Each character is looked at once: of the one argument that is
 * streamed every piece is given back as it comes, the others are known as soon as they are whole.
 */
export class Arguments {
  readonly known: Record<string, unknown> = {};
  readonly #streamed: string;
  #place: "between" | "name" | "colon" | "value" | "streamed" = "between";
  #name = "";
  /** What has come of a name, a value or an escape that is not whole yet. */
  #raw = "";
  #depth = 0;
  #quoted = false;
  #escaped = false;

  constructor(streamed: string) {
    this.#streamed = streamed;
  }

  /** What this piece adds to the argument that is streamed. */
  feed(piece: string): string {
    let added = "";
    for (let at = 0; at < piece.length; ) {
      if (this.#place !== "streamed") this.#outside(piece.charAt(at++));
      else if (this.#raw !== "") added += this.#escape(piece.charAt(at++));
      else {
        const stop = nextSpecial(piece, at);
        added += piece.slice(at, stop);
        if (piece[stop] === "\\") this.#raw = "\\";
        else if (piece[stop] === '"') this.#place = "between";
        at = stop + 1;
      }
    }
    return added;
  }

  #outside(character: string): void {
    switch (this.#place) {
      case "between":
        if (character === '"') this.#begin("name", character);
        return;
      case "name":
        if (this.#inString(character)) return;
        this.#name = String(JSON.parse(this.#raw));
        this.#place = "colon";
        return;
      case "colon":
        if (character === ":" || character.trim() === "") return;
        if (character === '"' && this.#name === this.#streamed) this.#begin("streamed", "");
        else {
          this.#begin("value", "");
          this.#value(character);
        }
        return;
      default:
        this.#value(character);
    }
  }

  #begin(place: "name" | "value" | "streamed", raw: string): void {
    this.#place = place;
    this.#raw = raw;
    this.#depth = 0;
    this.#quoted = raw !== "";
  }

  /** Whether the string goes on after this character of it. */
  #inString(character: string): boolean {
    this.#raw += character;
    if (this.#escaped) this.#escaped = false;
    else if (character === "\\") this.#escaped = true;
    else if (character === '"') this.#quoted = false;
    return this.#quoted;
  }

  #value(character: string): void {
    if (this.#quoted) {
      this.#inString(character);
      return;
    }
    if (this.#depth === 0 && (character === "," || character === "}")) {
      this.known[this.#name] = JSON.parse(this.#raw);
      this.#begin("value", "");
      this.#place = "between";
      return;
    }
    if (character === '"') this.#quoted = true;
    if (character === "{" || character === "[") this.#depth += 1;
    if (character === "}" || character === "]") this.#depth -= 1;
    this.#raw += character;
  }

  #escape(character: string): string {
    this.#raw += character;
    if (this.#raw.length < (this.#raw[1] === "u" ? 6 : 2)) return "";
    const whole = String(JSON.parse(`"${this.#raw}"`));
    this.#raw = "";
    return whole;
  }
}

const SPECIAL = /["\\]/g;

function nextSpecial(piece: string, from: number): number {
  SPECIAL.lastIndex = from;
  return SPECIAL.exec(piece)?.index ?? piece.length;
}
