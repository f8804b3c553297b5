import assert from "node:assert/strict";
import { test } from "node:test";

import { Arguments } from "../src/canvas/arguments";
import { before } from "../src/canvas/artifacts";
import { characters } from "../src/canvas/characters";
import { rowsOf } from "../src/canvas/table";
import { json, serve } from "./browser";

const MARKS = ["a", '"', "\\", "\n", "\u0001", "😀", "é", "{", "}", ",", ":", "\u2028", "/", "\t", "[", "]"];

/** The same numbers in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

test("arguments are read as they come, however they are cut", () => {
  const roll = dice(7);
  const word = (longest: number): string =>
    Array.from({ length: roll(longest) }, () => MARKS[roll(MARKS.length)] ?? "").join("");
  for (let round = 0; round < 2000; round += 1) {
    const rest = { artifact: word(6), version: 3, language: null, [`${word(3)}k`]: { a: [word(4), { b: word(3) }] } };
    const content = word(30);
    let told = JSON.stringify({ ...rest, content, after: word(4) }, null, roll(2) * 2);
    if (roll(2) === 0) {
      told = told.replace(/[\u007f-\uffff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
    }
    const args = new Arguments("content");
    let streamed = "";
    for (let at = 0; at < told.length; ) {
      const length = 1 + roll(5);
      streamed += args.feed(told.slice(at, at + length));
      at += length;
    }
    const { content: whole, ...others } = JSON.parse(told) as Record<string, unknown>;
    assert.equal(streamed, whole, told);
    assert.deepEqual({ ...args.known }, others, told);
  }
});

test("an argument is known before the call is whole", () => {
  const args = new Arguments("content");
  assert.equal(args.feed('{"name": "Tides", "content": "The mo'), "The mo");
  assert.deepEqual({ ...args.known }, { name: "Tides" });
  assert.equal(args.feed("on\\n\\u00"), "on\n");
  assert.equal(args.feed("e9"), "é");
});

test("characters are counted as the server counts them", () => {
  const counted = (text: string) => characters(text, text.length);
  assert.deepEqual(["", "abc", "é", "😀", "a😀b", "👩‍👧", "\ud83d", "\ude00\ud83d"].map(counted), [0, 3, 1, 1, 3, 3, 1, 2]);
  assert.equal(characters("a😀b", 1), 1);
  assert.equal(characters("a😀b", 3), 2);
});

test("a table is read after RFC 4180", () => {
  assert.deepEqual(rowsOf('a,b\r\n"1, ""one""","two\nlines"\n'), [
    ["a", "b"],
    ['1, "one"', "two\nlines"],
  ]);
  assert.deepEqual(rowsOf("a,b\n1,"), [
    ["a", "b"],
    ["1", ""],
  ]);
  assert.deepEqual(rowsOf(""), []);
});

test("the first line says what separates", () => {
  assert.deepEqual(rowsOf("a;b\n1,5;2"), [
    ["a", "b"],
    ["1,5", "2"],
  ]);
  assert.deepEqual(rowsOf("a\tb\n1;2\t3"), [
    ["a", "b"],
    ["1;2", "3"],
  ]);
});

test("an undo goes to what the current text was made from and differs from", async () => {
  // 4 is 2 restored, 3 was made from 2: before 4 there is what 2 was made from.
  const versions = [
    { version: 1, digest: "one" },
    { version: 2, digest: "two", parent: 1 },
    { version: 3, digest: "three", parent: 2 },
    { version: 4, digest: "two", parent: 2 },
  ];
  serve(({ path }) => {
    const number = /\/versions\/(\d+)$/.exec(path)?.[1];
    return json(number === undefined ? { items: [versions.at(-1)] } : versions[Number(number) - 1]);
  });
  assert.equal(await before("it"), 1);
  serve(() => json({ items: [versions[0]] }));
  assert.equal(await before("it"), undefined);
});
