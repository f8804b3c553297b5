// npm copies the "funding" address and the "deprecated" note of every package into the lock, and has
// no setting against it. Neither is needed to install, and a lock without addresses shows at a glance
// that it names no registry. `npm run lock` writes the lock anew and takes both out.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const entry of Object.values(lock.packages)) {
  delete entry.funding;
  delete entry.deprecated;
}
writeFileSync(path, JSON.stringify(lock, null, 2) + "\n");
