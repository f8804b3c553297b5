import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToStaticMarkup } from "react-dom/server";

import Memories from "../src/memory/Memories";

test("the dialog names the agent that uses the notes", () => {
  const page = renderToStaticMarkup(<Memories onClose={() => undefined} />);
  assert.equal(page.includes("The canvas uses these notes."), true);
});
