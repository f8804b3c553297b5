import { defineConfig } from "vite";

// Node 20 reads no TypeScript and no import without an ending: the tests are built as the page is, for Node.
export default defineConfig({
  build: { ssr: "tests/all.ts", outDir: "node_modules/.tests", emptyOutDir: true, minify: false },
});
