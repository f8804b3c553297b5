// The server counts Unicode characters, this language half of some of them: 😀 is one there and two here.

/** How many characters the server counts in what is `length` units long here, from the beginning. */
export function characters(text: string, length: number): number {
  let count = 0;
  for (let at = 0; at < length; count += 1) at += isPair(text, at, length) ? 2 : 1;
  return count;
}

function isPair(text: string, at: number, end: number): boolean {
  const first = text.charCodeAt(at);
  if (first < 0xd800 || first > 0xdbff || at + 1 >= end) return false;
  const second = text.charCodeAt(at + 1);
  return second >= 0xdc00 && second <= 0xdfff;
}
